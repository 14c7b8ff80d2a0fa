import Consensus
import Replication
import Testing
import Wire

/// A replica with rows in memory, and every output it gave.
private final class Bench {
    /// One register; a request sets it, or only looks when it is negative.
    final class Register: StateMachine {
        var value = 0
        var appliedIndex = LogIndex.zero
        var durableIndex: LogIndex { appliedIndex }
        var open: (value: Int, index: LogIndex)?
        var commits = 0
        var rollbacks = 0
        var bytesPerRequest = 10

        func prepare(_ requests: [Int], now: Timestamp) -> PreparedRequests<Int> {
            precondition(open == nil)
            var next = value
            var entries = 0
            for request in requests where request >= 0 {
                next = request
                entries += 1
            }
            open = (next, LogIndex(appliedIndex.rawValue + UInt64(entries)))
            return PreparedRequests(
                answers: requests.map { $0 >= 0 ? $0 : value }, entries: entries,
                payload: entries == 0
                    ? [] : [UInt8](repeating: UInt8(next), count: bytesPerRequest * entries))
        }
        func commit() {
            guard let open else { preconditionFailure("no transaction is open") }
            (value, appliedIndex) = open
            self.open = nil
            commits += 1
        }
        func rollback() {
            precondition(open != nil)
            open = nil
            rollbacks += 1
        }
        func apply(_ blocks: [CommittedBlock]) {
            precondition(open == nil)
            for block in blocks {
                if let last = block.payload.last { value = Int(last) }
                appliedIndex = block.head.last
            }
        }
    }

    final class Source: BlockSource {
        var payloads: [LogIndex: [UInt8]] = [:]
        func payload(of block: BlockHead) -> [UInt8] { payloads[block.last] ?? [] }
    }

    let machine = Register()
    let source = Source()
    let replica: Replica<Register>
    var stored: UInt64 = 0
    var answers: [UInt64: Result<Int, RequestRefusal>] = [:]
    var reads: [UInt64: Result<UInt64, ReadRefusal>] = [:]
    var sent: [Envelope] = []

    init(voters: [UInt64] = [1], options: ReplicaOptions = ReplicaOptions(), blockBytes: Int = 1000)
    {
        let core = Raft(
            id: ReplicaID(1), limits: Limits(blockBytes: blockBytes),
            hardState: HardState(term: .zero, vote: nil),
            snapshot: SnapshotHead(
                position: .zero, configuration: Configuration(voters: voters.map { ReplicaID($0) })),
            applied: .zero)
        replica = Replica(
            core: core, machine: machine, source: source, now: Timestamp(milliseconds: 1),
            options: options)
        replica.start()
        drain()
    }

    func drain() {
        for output in replica.takeOutputs() {
            switch output {
            case .store(let write):
                stored = write.write.sequence
                for (block, payload) in zip(write.write.blocks, write.payloads) {
                    source.payloads[block.last] = payload
                }
            case .send(let envelope): sent.append(envelope)
            case .answered(let id, let result):
                #expect(answers[id.rawValue] == nil, "a request is answered once")
                answers[id.rawValue] = result.map(\.answer)
            case .readable(let id, let result): reads[id.rawValue] = result.map(\.rawValue)
            case .applyPending: replica.applyCommitted()
            default: break
            }
        }
    }

    func persist() {
        for _ in 0..<5 {
            replica.persisted(through: stored)
            drain()
            drain()
        }
    }

    func submit(_ id: UInt64, _ request: Int) {
        replica.submit(RequestID(id), request)
        drain()
    }

    func receive(_ from: UInt64, term: UInt64, _ body: Message.Body) {
        replica.receive(
            Envelope(
                message: Message(
                    from: ReplicaID(from), to: ReplicaID(1), term: Term(term), body: body)))
        drain()
    }

    /// Makes it the leader of its group of three, with everything committed.
    func lead() {
        replica.timerFired(.election)
        drain()
        receive(2, term: 1, .preVoted(granted: true))
        persist()
        receive(2, term: 1, .voted(granted: true))
        persist()
        receive(
            2, term: 1, .appended(Message.Appended(match: LogIndex(1), round: 0, commit: .zero)))
        drain()
    }

    func acknowledge(_ index: UInt64, round: UInt64 = 0) {
        receive(
            2, term: 1,
            .appended(Message.Appended(match: LogIndex(index), round: round, commit: .zero)))
        drain()
    }
}

@Suite struct ReplicaTests {
    @Test func `A write is visible and answered once a majority has it, and not before`() {
        let bench = Bench(voters: [1, 2, 3])
        bench.lead()
        bench.submit(7, 42)
        #expect(bench.machine.open != nil && bench.machine.value == 0 && bench.answers.isEmpty)
        bench.persist()
        #expect(bench.machine.value == 0 && bench.answers.isEmpty)
        bench.acknowledge(2)
        #expect(bench.machine.value == 42 && bench.answers[7] == .success(42))
        #expect(bench.machine.appliedIndex == LogIndex(2))
    }

    @Test func `What comes while a transaction is open is the next batch`() {
        let bench = Bench(voters: [1, 2, 3])
        bench.lead()
        bench.submit(1, 10)
        bench.submit(2, 20)
        bench.submit(3, 30)
        bench.persist()
        bench.acknowledge(2)
        #expect(bench.machine.value == 10 && bench.machine.commits == 1)
        bench.persist()
        bench.acknowledge(4)
        #expect(bench.machine.value == 30 && bench.machine.commits == 2)
        #expect(bench.answers.count == 3)
    }

    @Test func `Lost leadership rolls back, and says that the outcome is not known`() {
        let bench = Bench(voters: [1, 2, 3])
        bench.lead()
        bench.submit(1, 10)
        bench.submit(2, 20)
        bench.receive(3, term: 2, .heartbeat(Message.Heartbeat(commit: .zero, round: 0)))
        #expect(
            bench.machine.open == nil && bench.machine.rollbacks == 1 && bench.machine.value == 0)
        #expect(bench.answers[1] == .failure(.outcomeUnknown))
        // The second was never run.
        #expect(bench.answers[2] == .failure(.notLeader(leader: ReplicaID(3))))
    }

    /// The next leader's append, at term 2.
    private func append(_ bench: Bench, after index: UInt64, _ term: UInt64, through last: UInt64) {
        let blocks = (index + 1...last).map {
            BlockHead(
                first: LogIndex($0), last: LogIndex($0), term: Term(2), bytes: 0, content: .noop)
        }
        bench.replica.receive(
            Envelope(
                message: Message(
                    from: ReplicaID(3), to: ReplicaID(1), term: Term(2),
                    body: .append(
                        Message.Append(
                            previous: LogPosition(index: LogIndex(index), term: Term(term)),
                            blocks: blocks, commit: LogIndex(last), round: 0))),
                payloads: blocks.map { _ in [] }))
        bench.drain()
        bench.persist()
    }

    @Test func `A batch that the next leader commits is done`() {
        let bench = Bench(voters: [1, 2, 3])
        bench.lead()
        bench.submit(1, 10)
        bench.persist()
        append(bench, after: 2, 1, through: 3)
        #expect(bench.machine.value == 10 && bench.machine.appliedIndex == LogIndex(3))
        #expect(bench.answers[1] == .success(10))
    }

    @Test func `A batch in whose place the next leader commits another is undone`() {
        let bench = Bench(voters: [1, 2, 3])
        bench.lead()
        bench.submit(1, 10)
        bench.persist()
        append(bench, after: 1, 1, through: 3)
        #expect(bench.machine.value == 0 && bench.machine.appliedIndex == LogIndex(3))
        #expect(bench.machine.rollbacks == 1)
        #expect(bench.answers[1] == .failure(.outcomeUnknown))
    }

    @Test func `A snapshot of the next leader finds no transaction open`() {
        let bench = Bench(voters: [1, 2, 3])
        bench.lead()
        bench.submit(1, 10)
        let head = SnapshotHead(
            position: LogPosition(index: LogIndex(9), term: Term(2)),
            configuration: Configuration(voters: [ReplicaID(1), ReplicaID(2), ReplicaID(3)]))
        var isInstalled = false
        bench.replica.receive(
            Envelope(
                message: Message(
                    from: ReplicaID(3), to: ReplicaID(1), term: Term(2), body: .snapshot(head)))
        ) {
            #expect(bench.machine.open == nil)
            bench.machine.appliedIndex = LogIndex(9)
            isInstalled = true
        }
        bench.drain()
        #expect(isInstalled && bench.answers[1] == .failure(.outcomeUnknown))
    }

    @Test func `A replica that stops answers whoever waits`() {
        let bench = Bench(voters: [1, 2, 3])
        bench.lead()
        bench.submit(1, -1)
        bench.replica.read(ReadID(9))
        // Another leader in the same term: something that must not be.
        bench.receive(3, term: 1, .heartbeat(Message.Heartbeat(commit: .zero, round: 0)))
        #expect(bench.replica.fault != nil)
        #expect(bench.answers[1] == .failure(.notLeader(leader: ReplicaID(1))))
        #expect(bench.reads[9] == .failure(.leadershipLost))
    }

    @Test func `A batch that changes nothing waits for a quorum to confirm the leader`() {
        let bench = Bench(voters: [1, 2, 3])
        bench.lead()
        bench.submit(1, -1)
        #expect(bench.answers.isEmpty && bench.machine.open == nil)
        bench.receive(2, term: 1, .heartbeatAnswered(round: 1, commit: LogIndex(1)))
        #expect(bench.answers[1] == .success(0))
    }

    @Test func `A follower refuses and names the leader`() {
        let bench = Bench(voters: [1, 2, 3])
        bench.receive(3, term: 2, .heartbeat(Message.Heartbeat(commit: .zero, round: 0)))
        bench.submit(1, 5)
        #expect(bench.answers[1] == .failure(.notLeader(leader: ReplicaID(3))))
    }

    @Test func `A full queue refuses, and a batch that is too long is divided`() {
        let bench = Bench(
            voters: [1, 2, 3], options: ReplicaOptions(queueLimit: 3, batchLimit: 3), blockBytes: 20
        )
        bench.lead()
        bench.submit(1, 1)
        for id in UInt64(2)...5 { bench.submit(id, Int(id)) }
        #expect(bench.answers[5] == .failure(.busy))
        bench.persist()
        bench.acknowledge(2)
        // Three requests of ten bytes do not fit into twenty: one goes first.
        bench.persist()
        bench.acknowledge(3)
        bench.persist()
        bench.acknowledge(5)
        #expect(bench.answers[4] == .success(4) && bench.machine.appliedIndex == LogIndex(5))
        bench.machine.bytesPerRequest = 30
        bench.submit(6, 6)
        #expect(bench.answers[6] == .failure(.tooLong(bytes: 30, limit: 20)))
        #expect(bench.machine.open == nil)
    }

    @Test func `A read waits for a confirmation and sees what was acknowledged`() {
        let bench = Bench(voters: [1, 2, 3])
        bench.lead()
        bench.replica.read(ReadID(9))
        bench.drain()
        #expect(bench.reads.isEmpty)
        bench.receive(2, term: 1, .heartbeatAnswered(round: 1, commit: LogIndex(1)))
        #expect(bench.reads[9] == .success(1))
    }

    @Test func `A message whose bytes are missing is dropped`() {
        let bench = Bench(voters: [1, 2, 3])
        let block = BlockHead(
            first: LogIndex(1), last: LogIndex(1), term: Term(1), bytes: 5, content: .entries)
        bench.receive(
            2, term: 1,
            .append(Message.Append(previous: .zero, blocks: [block], commit: .zero, round: 0)))
        #expect(bench.replica.core.last == .zero)
    }
}
