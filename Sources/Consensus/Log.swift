/// The shape of a replica's log: where blocks begin and end, their terms and sizes, and the configurations among them.
///
/// Invariants: blocks follow each other without gaps from `start`; terms never fall; every configuration that is not
/// behind `start` belongs to a block here.
struct Log: Equatable {
    /// Everything up to here is in a snapshot and no longer in the log.
    private(set) var start: LogPosition
    private var blocks: [BlockHead] = []
    /// The configurations in force from each index on, oldest first; the first is the one at `start`.
    private var configurations: [ConfigurationEntry]

    private struct ConfigurationEntry: Equatable {
        let index: LogIndex
        let configuration: Configuration
    }

    init(snapshot: SnapshotHead, blocks: [BlockHead]) {
        start = snapshot.position
        configurations = [
            ConfigurationEntry(
                index: snapshot.position.index, configuration: snapshot.configuration)
        ]
        for block in blocks { append(block) }
    }

    var last: LogPosition { blocks.last?.position ?? start }

    /// The members in force at the end of the log.
    var configuration: Configuration { configurations[configurations.count - 1].configuration }

    /// The members before those in force, if their configuration is not compacted.
    var earlierConfiguration: Configuration? {
        configurations.count > 1 ? configurations[configurations.count - 2].configuration : nil
    }

    /// Where the configuration in force was appended.
    var configurationIndex: LogIndex { configurations[configurations.count - 1].index }

    /// The members in force at an entry that is at or after `start`.
    func configuration(at index: LogIndex) -> Configuration {
        configurations.last { $0.index <= index }?.configuration ?? configurations[0].configuration
    }

    /// The term of an entry; nil when it is compacted or not there.
    func term(at index: LogIndex) -> Term? {
        if index == start.index { return start.term }
        guard let place = place(of: index) else { return nil }
        return blocks[place].term
    }

    /// The last end of a block at or before an index, and at or before the end of the last block of a term not above
    /// `term`; never before `start`. Where a leader and a follower may agree (Raft, end of 5.3).
    func boundary(atOrBefore index: LogIndex, term: Term) -> LogPosition {
        var place = index >= last.index ? blocks.count - 1 : (self.place(of: index) ?? -1)
        while place >= 0, blocks[place].last > index || blocks[place].term > term { place -= 1 }
        return place >= 0 ? blocks[place].position : start
    }

    /// Calls with each block from `index` on until told to stop. `index` must be the first entry of a block.
    func forEachBlock(from index: LogIndex, _ body: (BlockHead) -> Bool) {
        guard let place = place(of: index) else { return }
        precondition(blocks[place].first == index, "blocks are never split")
        forEachBlock(holding: index, body)
    }

    /// Calls with the block that holds an entry, and with those behind it, until told to stop.
    func forEachBlock(holding index: LogIndex, _ body: (BlockHead) -> Bool) {
        guard var place = place(of: index) else { return }
        while place < blocks.count, body(blocks[place]) { place += 1 }
    }

    /// The blocks from `index` on whose bytes together stay within a limit, but at least one.
    func blocks(from index: LogIndex, limit: Int, count: Int) -> [BlockHead] {
        guard let place = place(of: index) else { return [] }
        precondition(blocks[place].first == index, "blocks are never split")
        var end = place
        var bytes = 0
        while end < blocks.count, end - place < count,
            end == place || bytes + blocks[end].bytes <= limit
        {
            bytes += blocks[end].bytes
            end += 1
        }
        return [BlockHead](blocks[place..<end])
    }

    mutating func append(_ block: BlockHead) {
        precondition(block.first == last.index.next, "a block must follow the last one")
        precondition(block.term >= last.term, "terms never fall")
        blocks.append(block)
        if case .configuration(let configuration) = block.content {
            configurations.append(
                ConfigurationEntry(index: block.last, configuration: configuration))
        }
    }

    /// Drops every block after an index, which must be a boundary.
    mutating func truncate(after index: LogIndex) {
        precondition(index >= start.index)
        while let block = blocks.last, block.last > index {
            precondition(block.first > index, "blocks are never split")
            blocks.removeLast()
        }
        while configurations.count > 1, let entry = configurations.last, entry.index > index {
            configurations.removeLast()
        }
    }

    /// Forgets every block up to the last boundary at or before an index.
    mutating func compact(through index: LogIndex) {
        guard index > start.index else { return }
        let kept = blocks.firstIndex { $0.last > index } ?? blocks.count
        guard kept > 0 else { return }
        start = blocks[kept - 1].position
        blocks.removeFirst(kept)
        while configurations.count > 1, configurations[1].index <= start.index {
            configurations.removeFirst()
        }
    }

    /// Which block holds an entry; nil when none does.
    private func place(of index: LogIndex) -> Int? {
        guard index > start.index, index <= last.index else { return nil }
        var low = 0
        var high = blocks.count - 1
        while low < high {
            let middle = (low + high) / 2
            if blocks[middle].last < index { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
