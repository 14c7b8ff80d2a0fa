import Foundation

/// A folder of one test's own, gone with it.
package final class TemporaryFolder {
    package let path = NSTemporaryDirectory() + "lodge-test-" + UUID().uuidString

    package init() {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
        } catch { preconditionFailure("no temporary folder: \(error)") }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    package func file(_ name: String) -> String { path + "/" + name }

    /// The names in it, in no order.
    package var files: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    }
}
