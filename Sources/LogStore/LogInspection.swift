import Consensus
package import Wire

/// Reads a log folder without changing it and says what is in it, record by record: what `lodge log inspect` prints.
///
/// It needs nobody's identity, minds no marker, and goes as far as the bytes can be followed. The last item says how it ends.
package enum LogInspection {
    /// One record, or a remark on the file.
    package struct Item: Equatable, Sendable, CustomStringConvertible {
        package let segment: UInt64
        package let offset: Int
        package var batch: UInt64?
        package var shard: ShardID?
        package var replica: UInt64?
        /// `born`, `voted`, `reset`, `truncated`, `block`, `started`, `removed`, `state`, `floor`; or of the file: `damage`,
        /// `torn tail`, `leftover`, `poisoned`, `end`.
        package let kind: String
        package var term: UInt64?
        package var vote: UInt64?
        package var firstIndex: UInt64?
        package var lastIndex: UInt64?
        package var bytes: Int?
        /// Of a block: `entries`, `noop` or `configuration`.
        package var content: String?
        /// `voters 1 2 learners 3 outgoing 4 highest 9`.
        package var configuration: String?
        package var note: String?

        init(segment: UInt64, offset: Int, kind: String) {
            self.segment = segment
            self.offset = offset
            self.kind = kind
        }

        package var description: String {
            var parts = ["\(segment)@\(offset)"]
            if let batch { parts.append("batch \(batch)") }
            if let shard { parts.append("shard \(shard)") }
            if let replica { parts.append("replica \(replica)") }
            parts.append(kind)
            if let content { parts.append(content) }
            if let firstIndex { parts.append("first \(firstIndex)") }
            if let lastIndex { parts.append("last \(lastIndex)") }
            if let term { parts.append("term \(term)") }
            if let vote { parts.append("vote \(vote)") }
            if let bytes { parts.append("\(bytes) bytes") }
            if let configuration { parts.append("(\(configuration))") }
            if let note { parts.append("– \(note)") }
            return parts.joined(separator: " ")
        }
    }

    /// - Parameter visit: called with each item in the log's order.
    /// - Throws: what `visit` throws, and `FileFault`. Damage is an item.
    package static func inspect(
        folder: String, files: any LogFiles, visit: (Item) throws -> Void
    ) throws {
        if let marker = try PoisonMarker.read(folder, files) {
            try visit(
                remark(
                    marker.end?.segment ?? 0, marker.end?.offset ?? 0, "poisoned", marker.reason))
        }
        do {
            let outcome = try LogWalk.walk(files, folder: folder, identity: nil) { batch in
                try records(of: batch, visit)
            }
            if let last = outcome.segments.last {
                try visit(
                    remark(
                        last.number, outcome.tail, outcome.isTorn ? "torn tail" : "end",
                        "the next batch is \(outcome.nextSequence)"))
            }
            for leftover in outcome.leftovers {
                try visit(remark(leftover.number, 0, "leftover", "not part of the log"))
            }
        } catch LogFault.damaged(let segment, let offset, let shards, let reason) {
            let whose = shards.map { "\($0.map(\.description).joined(separator: " "))" } ?? "any"
            try visit(remark(segment, offset, "damage", "\(reason); shards concerned: \(whose)"))
        }
    }

    private static func remark(
        _ segment: UInt64, _ offset: Int, _ kind: String, _ note: String
    ) -> Item {
        var item = Item(segment: segment, offset: offset, kind: kind)
        item.note = note
        return item
    }

    private static func records(
        of batch: LogWalk.Batch, _ visit: (Item) throws -> Void
    ) throws {
        let records: [LogRecord]
        do {
            records = try LogRecord.decodeAll(batch.body, at: batch.bodyOffset)
        } catch {
            throw LogFault.damaged(
                segment: batch.segment.number, offset: batch.offset, shards: nil,
                reason: "records that cannot be read: \(error)")
        }
        for record in records {
            func item(_ kind: String, at offset: Int? = nil) -> Item {
                var item = Item(
                    segment: batch.segment.number, offset: offset ?? batch.offset, kind: kind)
                item.batch = batch.header.sequence
                item.shard = record.shard
                item.replica = record.replica.rawValue
                return item
            }
            func item(_ kind: String, _ head: SnapshotHead) -> Item {
                var item = item(kind)
                item.lastIndex = head.position.index.rawValue
                item.term = head.position.term.rawValue
                item.configuration = text(head.configuration)
                return item
            }
            switch record.content {
            case .born(let head): try visit(item("born", head))
            case .reset(let head): try visit(item("reset", head))
            case .started(let head): try visit(item("started", head))
            case .voted(let state):
                var item = item("voted")
                item.term = state.term.rawValue
                item.vote = state.vote?.rawValue
                try visit(item)
            case .truncated(let index):
                var item = item("truncated")
                item.lastIndex = index.rawValue
                try visit(item)
            case .blocks(let blocks):
                for block in blocks {
                    var item = item("block", at: block.offset)
                    item.firstIndex = block.head.first.rawValue
                    item.lastIndex = block.head.last.rawValue
                    item.term = block.head.term.rawValue
                    item.bytes = block.head.bytes
                    switch block.head.content {
                    case .entries: item.content = "entries"
                    case .noop: item.content = "noop"
                    case .configuration(let configuration):
                        item.content = "configuration"
                        item.configuration = text(configuration)
                    }
                    try visit(item)
                }
            case .removed: try visit(item("removed"))
            case .floor: try visit(item("floor"))
            case .state(let hardState, let start, let last, let floor):
                var item = item("state", start)
                item.term = hardState.term.rawValue
                item.vote = hardState.vote?.rawValue
                item.firstIndex = start.position.index.rawValue + 1
                item.lastIndex = last.rawValue
                item.note = "floor \(floor)"
                try visit(item)
            }
        }
    }

    private static func text(_ configuration: Configuration) -> String {
        func list(_ name: String, _ replicas: [ReplicaID]) -> String {
            replicas.isEmpty
                ? "" : name + " " + replicas.map(\.description).joined(separator: " ") + " "
        }
        return list("voters", configuration.voters) + list("learners", configuration.learners)
            + list("outgoing", configuration.outgoing) + "highest \(configuration.highest)"
    }
}
