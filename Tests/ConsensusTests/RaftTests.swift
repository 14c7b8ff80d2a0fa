import Consensus
import Testing

@Suite struct RaftTests {
    private func raft(
        _ id: UInt64 = 1, voters: [UInt64] = [1, 2, 3], terms: [UInt64] = [], applied: UInt64 = 0
    ) -> Raft {
        var blocks: [BlockHead] = []
        for term in terms {
            let index = LogIndex(UInt64(blocks.count) + 1)
            blocks.append(
                BlockHead(
                    first: index, last: index, term: Term(term), bytes: 1, content: .entries))
        }
        return Raft(
            id: ReplicaID(id), hardState: HardState(term: Term(terms.last ?? 0), vote: nil),
            snapshot: SnapshotHead(
                position: .zero, configuration: Configuration(voters: voters.map { ReplicaID($0) })),
            blocks: blocks, applied: LogIndex(applied))
    }

    private func message(_ from: UInt64, _ term: UInt64, _ body: Message.Body) -> Event {
        .received(Message(from: ReplicaID(from), to: ReplicaID(1), term: Term(term), body: body))
    }

    private func append(after index: UInt64, _ term: UInt64, terms: [UInt64], commit: UInt64 = 0)
        -> Message.Body
    {
        let blocks = terms.enumerated().map { place, term in
            let at = LogIndex(index + UInt64(place) + 1)
            return BlockHead(first: at, last: at, term: Term(term), bytes: 1, content: .entries)
        }
        return .append(
            Message.Append(
                previous: LogPosition(index: LogIndex(index), term: Term(term)), blocks: blocks,
                commit: LogIndex(commit), round: 0))
    }

    @Test func `Two leaders in one term stop the replica`() {
        var raft = raft()
        var effects: [Effect] = []
        raft.step(message(2, 5, append(after: 0, 0, terms: [5])), &effects)
        effects = []
        raft.step(message(3, 5, append(after: 0, 0, terms: [5])), &effects)
        #expect(effects.contains(.halted(.twoLeaders(Term(5), ReplicaID(3)))))
        #expect(raft.isHalted)
        effects = []
        raft.step(message(2, 9, append(after: 0, 0, terms: [5])), &effects)
        #expect(effects.isEmpty)
    }

    @Test func `A leader that contradicts what is committed stops the replica`() {
        var raft = raft(terms: [1, 1, 2], applied: 3)
        var effects: [Effect] = []
        raft.step(message(2, 5, append(after: 1, 1, terms: [3, 3])), &effects)
        #expect(effects.contains(.halted(.committedEntryChanged(LogIndex(2)))))
    }

    @Test func `A log that is ahead of the hard state begins in its term, without a vote`() {
        let configuration = Configuration(voters: [ReplicaID(1)])
        let block = BlockHead(
            first: LogIndex(1), last: LogIndex(1), term: Term(7), bytes: 1, content: .entries)
        let raft = Raft(
            id: ReplicaID(1), hardState: HardState(term: Term(6), vote: ReplicaID(2)),
            snapshot: SnapshotHead(position: .zero, configuration: configuration), blocks: [block],
            applied: .zero)
        #expect(raft.term == Term(7) && raft.vote == nil)
    }

    @Test func `An acknowledgement is for what is durable, and of an older term for nothing`() {
        var raft = raft()
        var effects: [Effect] = []
        raft.step(message(2, 1, append(after: 0, 0, terms: [1, 1])), &effects)
        #expect(!effects.contains { if case .send = $0 { true } else { false } })
        // The term goes on before the disk is done.
        raft.step(message(3, 2, append(after: 0, 0, terms: [2])), &effects)
        effects = []
        raft.step(.persisted(sequence: 1), &effects)
        #expect(effects.isEmpty)
        raft.step(.persisted(sequence: 2), &effects)
        let sent = effects.compactMap { effect -> Message? in
            if case .send(let message) = effect { message } else { nil }
        }
        #expect(sent.count == 1)
        #expect(sent.first?.to == ReplicaID(3) && sent.first?.term == Term(2))
        #expect(
            sent.first?.body
                == .appended(Message.Appended(match: LogIndex(1), round: 0, commit: .zero)))
    }

    @Test func `A group at rest has no timer running and sends nothing`() {
        var raft = raft(voters: [1])
        var effects: [Effect] = []
        raft.step(.started, &effects)
        raft.step(.timerFired(.election), &effects)
        raft.step(.persisted(sequence: 1), &effects)
        raft.step(.persisted(sequence: 2), &effects)
        var running: Set<Timer> = []
        for effect in effects {
            if case .setTimer(let timer) = effect { running.insert(timer) }
            if case .cancelTimer(let timer) = effect { running.remove(timer) }
        }
        // The election timer fired and was set again by the campaign, then cancelled by winning.
        #expect(raft.role == .leader && running.isEmpty)
        effects = []
        for timer in Timer.allCases { raft.step(.timerFired(timer), &effects) }
        #expect(effects.isEmpty)
    }

    @Test func `The same events give the same value`() {
        func run() -> Raft {
            var raft = raft(terms: [1, 1])
            var effects: [Effect] = []
            raft.step(.started, &effects)
            raft.step(message(2, 3, append(after: 2, 1, terms: [3, 3], commit: 2)), &effects)
            raft.step(.persisted(sequence: 1), &effects)
            raft.step(.suspected(ReplicaID(2)), &effects)
            return raft
        }
        #expect(run() == run())
        var other = run()
        var effects: [Effect] = []
        other.step(.trusted(ReplicaID(2)), &effects)
        #expect(other != run())
    }
}
