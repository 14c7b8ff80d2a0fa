/// Why a load could not be made or run, for who called for it.
package struct LoadFailure: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
