import ShardStore
import Wire

/// The B-trees and pages that one create and one status update write, and the bytes they log.
struct StoreExplanation: Encodable, CustomStringConvertible {
    struct Operation: Encodable {
        let name: String
        /// Pages by table or index.
        let pages: [String: Int]
        /// Pages of the store's own rows, once a batch.
        let ownPages: Int
        let budget: Int
        let rawBytes: Int
    }
    let operations: [Operation]

    init(_ shard: BenchShard) throws {
        operations = try [("create", 6), ("status update", 3)].map { name, budget in
            let touched = try shard.touchedPages(
                name == "create" ? shard.creates(1) : shard.updates(1))
            return Operation(
                name: name, pages: touched.pages, ownPages: touched.ownPages, budget: budget,
                rawBytes: touched.block?.entries.reduce(0) { $0 + $1.payload.count } ?? 0)
        }
    }

    var description: String {
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
