/// How far the disk has come with what the core asked it to write.
///
/// Writes are numbered from 1, reach the disk in order, and are reported as durable by number. In memory the log may have
/// been cut and grown again meanwhile; `durableIndex` never counts an entry that a later write replaced.
struct Persistence: Equatable {
    private(set) var issued: UInt64 = 0
    private(set) var completed: UInt64 = 0
    /// The last entry of the present log that is known to be on disk.
    private(set) var durableIndex: LogIndex
    private var pending: [Pending] = []

    private struct Pending: Equatable {
        let sequence: UInt64
        /// The end of the log with this write, as far as it still stands.
        var last: LogIndex
    }

    init(durableIndex: LogIndex) { self.durableIndex = durableIndex }

    /// Numbers a write after which the log ends at `last`.
    mutating func issue(last: LogIndex) -> UInt64 {
        issued += 1
        pending.append(Pending(sequence: issued, last: last))
        return issued
    }

    /// The log was cut: what older writes put behind the cut proves nothing about what comes there now.
    mutating func truncate(after index: LogIndex) {
        durableIndex = min(durableIndex, index)
        for place in pending.indices { pending[place].last = min(pending[place].last, index) }
    }

    /// Every write up to a number is durable. Numbers at or below an earlier report change nothing.
    mutating func complete(through sequence: UInt64) {
        precondition(sequence <= issued, "a write that was never asked for")
        guard sequence > completed else { return }
        completed = sequence
        var done = 0
        while done < pending.count, pending[done].sequence <= sequence {
            durableIndex = max(durableIndex, pending[done].last)
            done += 1
        }
        pending.removeFirst(done)
    }
}
