package import Cluster
package import HTTPTypes
package import NIOCore
package import ServiceDesk
package import ShardStore
package import Wire

/// One request with everything an endpoint may know of it. There is no tenant number here: rows are reached only through
/// `read` and `write`, which find the caller and open the tenant's own view of its shard.
package struct APICall: Sendable {
    package let method: HTTPRequest.Method
    /// The path as received, without `.json` and query.
    package let path: String
    /// Values of the path's `{parameters}`, percent-decoded.
    package let parameters: [String: String]
    package let query: Query
    package let headers: HTTPFields
    package let body: ByteBuffer
    /// `scheme://host:port` as the client wrote it; every link in an answer begins with it.
    package let origin: String
}

/// The keys of a query string, decoded; brackets may arrive percent-encoded.
package struct Query: Sendable, Equatable {
    package let items: [(name: String, value: String)]
    package static func == (a: Query, b: Query) -> Bool {
        a.items.count == b.items.count
            && zip(a.items, b.items).allSatisfy { $0.name == $1.name && $0.value == $1.value }
    }
    /// The last value of a key, or nil. The text `None`, which one client sends for "not set", counts as not set.
    package subscript(_ name: String) -> String? {
        guard let value = items.last(where: { $0.name == name })?.value, value != "None" else {
            return nil
        }
        return value
    }
}
