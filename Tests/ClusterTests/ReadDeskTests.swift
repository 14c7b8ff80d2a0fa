import Consensus
import NIOCore
import Synchronization
import Testing
import Transport
import Wire

@testable import Cluster

/// Keeps what was sent.
private final class Posts: PeerSender {
    struct Post: Equatable {
        let message: ControlMessage
        let node: NodeID
    }
    private let posts = Mutex<[Post]>([])
    let isCut = Mutex(false)

    func send(_ kind: FrameKind, _ body: ByteBuffer, to node: NodeID, over link: LinkKind) -> Bool {
        guard !isCut.withLock({ $0 }) else { return false }
        do {
            let message = try ControlMessage(decoding: body)
            posts.withLock { $0.append(Post(message: message, node: node)) }
        } catch { Issue.record("\(error)") }
        return true
    }

    func sendBulk(_ kind: FrameKind, _ body: ByteBuffer, to node: NodeID) async throws {}

    func take() -> [Post] {
        posts.withLock { posts in
            defer { posts = [] }
            return posts
        }
    }
}

/// The desk of one node in a group of three, with the board that its lane would post to.
private final class Bench: Sendable {
    static let shard = ShardID(rawValue: 1)
    static let own = NodeID(rawValue: 1)
    static let second = NodeID(rawValue: 2)
    static let third = NodeID(rawValue: 3)
    static func replica(_ node: NodeID) -> ReplicaID {
        ReplicaID(number: 1, on: node)
    }

    let board = ShardBoard(shardCount: 1)
    let posts = Posts()
    let desk: ReadDesk
    private let given = Mutex<[Result<LogIndex, any Error>]>([])
    private let laned = Mutex<[ShardRead]>([])
    private let view: Mutex<ShardView>

    init(leader: NodeID?, voters: [NodeID] = [own, second, third]) {
        var view = ShardView(shard: Self.shard)
        view.replica = Self.replica(Self.own)
        view.term = Term(rawValue: 5)
        view.leader = leader
        view.role = leader == Self.own ? .leader : .follower
        view.isServing = leader == Self.own
        view.isReadable = true
        view.commitIndex = LogIndex(rawValue: 100)
        view.appliedIndex = LogIndex(rawValue: 100)
        view.configuration = Configuration(voters: voters.map(Self.replica))
        self.view = Mutex(view)
        board.post(view)
        let lane = Sink()
        desk = ReadDesk(board: board, shardCount: 1, sender: posts, first: 16) { _, read in
            lane.body.withLock { $0 }?(read)
        }
        lane.body.withLock { $0 = { [self] read in laned.withLock { $0.append(read) } } }
    }

    private final class Sink: Sendable {
        let body = Mutex<(@Sendable (ShardRead) -> Void)?>(nil)
    }

    func change(_ body: (inout ShardView) -> Void) {
        board.post(
            view.withLock { view in
                body(&view)
                return view
            })
    }

    func read() {
        desk.read(
            Self.shard,
            ShardRead(wish: .linearizable, enqueued: 0) { [self] result in
                given.withLock { $0.append(result) }
            })
    }

    /// The entries that reads were given leave at since the last time; nil of those that were refused.
    func leaves() -> [LogIndex?] {
        given.withLock { given in
            defer { given = [] }
            return given.map { try? $0.get() }
        }
    }

    /// What was left to the lane since the last time: the entry that is waited for, nil of reads that ask anew.
    func toLane() -> [LogIndex?] {
        laned.withLock { laned in
            defer { laned = [] }
            return laned.map { read in
                if case .applied(let index) = read.wish { return index }
                return nil
            }
        }
    }

    func asked() throws -> UInt64 {
        let posts = posts.take()
        try #require(posts.count == 1)
        switch posts[0].message {
        case .askRead(_, _, _, let number, _), .askTerm(_, _, _, let number): return number
        default: throw Unexpected()
        }
    }

    struct Unexpected: Error {}

    func readAt(_ number: UInt64, _ index: UInt64, from node: NodeID = second) -> Bool {
        desk.take(
            .readAt(
                Self.shard, Self.replica(Self.own), number: number, LogIndex(rawValue: index)),
            from: node)
    }

    func inTerm(_ number: UInt64, _ isSo: Bool, from node: NodeID = second) -> Bool {
        desk.take(
            .inTerm(Self.shard, Self.replica(node), number: number, isSo), from: node)
    }
}

struct ReadDeskTests {
    private let shard = Bench.shard
    private let term = Term(rawValue: 5)

    @Test func oneQuestionServesTheReadsThatCameBeforeIt() throws {
        let bench = Bench(leader: Bench.second)
        bench.read()
        bench.read()
        bench.read()
        let first = bench.posts.take()
        try #require(first.count == 1)
        guard
            case .askRead(shard, Bench.replica(Bench.own), term: term, let number, let known) =
                first[0].message
        else { throw Bench.Unexpected() }
        #expect(first[0].node == Bench.second)
        #expect(known.rawValue == 100)
        #expect(bench.leaves() == [])
        #expect(bench.readAt(number, 100))
        // The first came before it was asked; the others wait for the second question.
        #expect(bench.leaves() == [LogIndex(rawValue: 100)])
        let second = try bench.asked()
        #expect(second != number)
        #expect(bench.readAt(number, 100))
        #expect(bench.leaves() == [])
        #expect(bench.readAt(second, 99))
        #expect(bench.leaves() == [LogIndex(rawValue: 100), LogIndex(rawValue: 100)])
        #expect(bench.toLane() == [])
    }

    @Test func whatIsNotAppliedYetIsWaitedForInTheLane() throws {
        let bench = Bench(leader: Bench.second)
        bench.read()
        #expect(bench.readAt(try bench.asked(), 101))
        #expect(bench.leaves() == [])
        #expect(bench.toLane() == [LogIndex(rawValue: 101)])
    }

    @Test func whoeverWasNotAskedAnswersNothing() throws {
        let bench = Bench(leader: Bench.second)
        bench.read()
        let number = try bench.asked()
        _ = bench.readAt(number, 100, from: Bench.third)
        _ = bench.readAt(number + 1, 100)
        #expect(bench.leaves() == [])
        // Lanes ask too, under other numbers.
        #expect(!bench.readAt(16, 100))
    }

    @Test func aRefusalAndALinkThatIsDownGoToTheLane() throws {
        let bench = Bench(leader: Bench.second)
        bench.read()
        #expect(bench.readAt(try bench.asked(), 0))
        #expect(bench.toLane() == [nil])
        bench.posts.isCut.withLock { $0 = true }
        bench.read()
        #expect(bench.toLane() == [nil])
        bench.posts.isCut.withLock { $0 = false }
        bench.read()
        bench.read()
        _ = try bench.asked()
        bench.desk.disconnected(Bench.third)
        #expect(bench.toLane() == [])
        bench.desk.disconnected(Bench.second)
        #expect(bench.toLane() == [nil, nil])
        #expect(bench.leaves() == [])
    }

    @Test func nobodyWaitsForAnAnswerThatDoesNotCome() throws {
        let bench = Bench(leader: Bench.second)
        bench.read()
        bench.read()
        bench.desk.tick(now: 0)
        #expect(bench.toLane() == [])
        bench.desk.tick(now: .max)
        #expect(bench.toLane() == [nil, nil])
        _ = bench.posts.take()
        bench.read()
        bench.desk.stop()
        #expect(bench.leaves() == [nil])
        bench.read()
        #expect(bench.leaves() == [nil])
    }

    @Test func aLeaderAnswersFromWhatWasCommittedBeforeItWasVouchedFor() throws {
        let bench = Bench(leader: Bench.own)
        bench.read()
        let posts = bench.posts.take()
        #expect(
            posts.first?.message
                == .askTerm(shard, Bench.replica(Bench.second), term: term, number: 16 | 1 << 63))
        bench.change {
            $0.commitIndex = LogIndex(rawValue: 120)
            $0.appliedIndex = LogIndex(rawValue: 120)
        }
        #expect(bench.inTerm(16 | 1 << 63, true))
        #expect(bench.leaves() == [LogIndex(rawValue: 120)])
        bench.read()
        #expect(bench.inTerm(try bench.asked(), false))
        #expect(bench.leaves() == [])
        #expect(bench.toLane() == [nil])
    }

    @Test func onlyAGroupOfWhichTwoAreTheMajorityIsAskedLikeThis() {
        let five = [1, 2, 3, 4, 5].map { NodeID(rawValue: $0) }
        for bench in [
            Bench(leader: Bench.own, voters: five), Bench(leader: nil),
            Bench(leader: Bench.own, voters: [Bench.second, Bench.third]),
        ] {
            bench.read()
            #expect(bench.posts.take() == [])
            #expect(bench.toLane() == [nil])
        }
        for spoil in [
            { $0.isReadable = false }, { $0.fault = "stopped" }, { $0.replica = nil },
        ] as [(inout ShardView) -> Void] {
            let bench = Bench(leader: Bench.second)
            bench.change(spoil)
            bench.read()
            #expect(bench.toLane() == [nil])
        }
        let joint = Bench(leader: Bench.own)
        joint.change {
            $0.configuration = Configuration(
                voters: [Bench.own, Bench.second].map(Bench.replica),
                outgoing: [Bench.own, Bench.second, Bench.third].map(Bench.replica))
        }
        joint.read()
        #expect(joint.toLane() == [nil])
    }

    @Test func aFollowerIsAnsweredFromTheBoard() {
        let bench = Bench(leader: Bench.own)
        func ask(_ term: UInt64, knowing: UInt64, as id: ReplicaID = Bench.replica(Bench.third))
            -> Bool
        {
            bench.desk.take(
                .askRead(
                    shard, id, term: Term(rawValue: term), number: 9, LogIndex(rawValue: knowing)),
                from: Bench.third)
        }
        #expect(ask(5, knowing: 100))
        #expect(
            bench.posts.take() == [
                Posts.Post(
                    message: .readAt(
                        shard, Bench.replica(Bench.third), number: 9, LogIndex(rawValue: 100)),
                    node: Bench.third)
            ])
        // The lane must tell it of a commit, and knows what to say in other terms and to others.
        #expect(!ask(5, knowing: 99))
        #expect(!ask(4, knowing: 100))
        #expect(!ask(6, knowing: 100))
        #expect(!ask(5, knowing: 100, as: Bench.replica(Bench.second)))
        #expect(!ask(5, knowing: 100, as: ReplicaID(number: 2, on: Bench.third)))
        bench.change { $0.isServing = false }
        #expect(!ask(5, knowing: 100))
        #expect(bench.posts.take() == [])
    }

    @Test func aVoterVouchesForTheLeaderOfItsOwnTermOnly() {
        let bench = Bench(leader: Bench.second)
        func vouches(_ term: UInt64, _ id: ReplicaID = Bench.replica(Bench.own)) -> Bool? {
            #expect(
                bench.desk.take(
                    .askTerm(shard, id, term: Term(rawValue: term), number: 9), from: Bench.second))
            guard case .inTerm(_, _, number: 9, let isSo)? = bench.posts.take().first?.message
            else { return nil }
            return isSo
        }
        #expect(vouches(5) == true)
        #expect(vouches(4) == false)
        #expect(vouches(5, ReplicaID(number: 2, on: Bench.own)) == false)
        bench.change { $0.term = Term(rawValue: 6) }
        #expect(vouches(5) == false)
        bench.change {
            $0.term = Term(rawValue: 5)
            $0.configuration = Configuration(
                voters: [Bench.replica(Bench.second)], learners: [Bench.replica(Bench.own)])
        }
        #expect(vouches(5) == false)
        bench.change { $0.fault = "stopped" }
        #expect(vouches(5) == false)
    }
}
