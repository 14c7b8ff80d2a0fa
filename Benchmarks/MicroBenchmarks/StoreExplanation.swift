import ShardStore
import Wire

/// The B-trees and pages that one create and one status update write, and the bytes they log, beside what the design allows them.
package struct StoreExplanation: Encodable, CustomStringConvertible {
    /// One of the two.
    package struct Operation: Encodable {
        package let name: String
        /// Pages by table or index.
        package let pages: [String: Int]
        /// Pages of the store's own rows, once a batch.
        package let ownPages: Int
        /// The most B-trees it may write.
        package let budget: Int
        package let rawBytes: Int
    }
    package let operations: [Operation]

    package init(_ shard: BenchShard) throws {
        operations = try [("create", 6), ("status update", 3)].map { name, budget in
            let touched = try shard.touchedPages(
                name == "create" ? shard.creates(1) : shard.updates(1))
            return Operation(
                name: name, pages: touched.pages, ownPages: touched.ownPages, budget: budget,
                rawBytes: touched.block?.entries.reduce(0) { $0 + $1.payload.count } ?? 0)
        }
    }

    package var description: String {
        operations.map { operation in
            let pages = operation.pages.values.reduce(0, +)
            let lines = operation.pages.sorted { $0.key < $1.key }.map {
                "  \($0.key): \($0.value)"
            }
            return """
                \(operation.name): \(operation.pages.count) B-trees (budget \(operation.budget)), \(pages) pages, \
                \(operation.rawBytes) bytes logged; \(operation.ownPages) pages of the store's own once a batch
                \(lines.joined(separator: "\n"))
                """
        }.joined(separator: "\n")
    }
}
