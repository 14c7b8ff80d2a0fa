import ServiceDesk

/// The keys of a query string, decoded; brackets may arrive percent-encoded.
package struct Query: Sendable, Equatable {
    package let items: [(name: String, value: String)]

    package static func == (a: Query, b: Query) -> Bool {
        a.items.count == b.items.count
            && zip(a.items, b.items).allSatisfy { $0.name == $1.name && $0.value == $1.value }
    }

    /// At most 100 keys; malformed escapes refuse the request.
    package init(_ text: Substring) throws {
        let parts = text.split(separator: "&")
        guard parts.count <= 100 else {
            throw DeskRefusal.badRequest(name: "InvalidRequest", "More than 100 query keys")
        }
        items = try parts.map { part in
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = pair[0].removingPercentEncoding(plusIsSpace: true),
                let value = (pair.count > 1 ? pair[1] : "").removingPercentEncoding(
                    plusIsSpace: true)
            else {
                throw DeskRefusal.badRequest(
                    name: "InvalidRequest", "The query is not percent-encoded UTF-8")
            }
            return (name, value)
        }
    }

    /// The last value of a key, or nil. `None`, which one client sends for "not set", counts as not set.
    package subscript(_ name: String) -> String? {
        guard let value = items.last(where: { $0.name == name })?.value, value != "None" else {
            return nil
        }
        return value
    }

    /// Every value of `name` and `name[]`.
    package func all(_ name: String) -> [String] {
        items.filter { $0.name == name || $0.name == name + "[]" }.map(\.value)
    }

    /// The query without the keys that say which page, for the links to other pages.
    func encoded(replacing keys: Set<String>, with new: [(String, String)]) -> String {
        let kept = items.filter { !keys.contains($0.name) }.map { ($0.name, $0.value) }
        return (kept + new).sorted { $0.0 < $1.0 }
            .map { "\($0.0.addingPercentEncoding())=\($0.1.addingPercentEncoding())" }
            .joined(separator: "&")
    }
}
