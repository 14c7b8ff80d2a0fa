import Consensus
import LogStore
import Logging
import NIOCore
import Replication
import ShardStore
import Synchronization
import Wire

/// One shard's replica on this node, and everything that waits for it. Lives on its lane; every call is on the lane's thread.
///
/// It gives events to the `Replica` and performs what that asks for: the log's writes to the node's log, messages to the peers,
/// timers to the lane, answers to whoever waits.
final class ShardHost {
    let shard: ShardID
    let machine: StoreMachine
    private let services: ShardServices
    private var replica: Replica<StoreMachine>?
    private var recent: RecentBlocks?
    /// The id of a replica that is being born: it works once that is on disk.
    private var newborn: ReplicaID?
    /// Ids up to here were held on this disk, and what they promised may be forgotten: never again.
    private var floor: ReplicaID
    private var view: ShardView
    private var fault: String?
    /// Who says that it leads: all that a node knows of a group it is not in.
    private var heardLeader: NodeID?

    /// When each timer fires, in nanoseconds; by `Timer.rawValue`.
    private var deadlines = [UInt64](repeating: .max, count: Timer.allCases.count)
    private var applyAt = UInt64.max
    /// The earliest of all deadlines.
    private(set) var nextDeadline = UInt64.max
    private var now: UInt64 = 0
    /// How often the time to find a leader has passed in vain since there was one.
    private var leaderlessElections = 0
    /// Whether something has happened since `settle`.
    private(set) var isTouched = true

    private var nextRequest: UInt64 = 0
    private var works: [UInt64: ShardWork] = [:]
    private var arrivedReads: [ShardRead] = []
    private var confirmingReads: (id: ReadID, reads: [ShardRead])?
    /// When the leader was asked about `confirmingReads`; nil when this replica leads and asks its followers.
    private var askedLeaderAt: UInt64?
    private var awaitingApply: [(index: LogIndex, read: ShardRead)] = []
    private var nextRead: UInt64
    /// Whether the rows have caught up with a leader since the replica was started.
    private var hasCaughtUp = false
    private var asksToCatchUpAt: UInt64 = 0

    // As a leader, what it knows of the members' nodes.
    private var lost: Set<ReplicaID> = []
    private var assigned: Set<ReplicaID> = []
    private var leaderSince: UInt64 = 0
    private var lastDuty: UInt64 = 0
    private var snapshotsUnderWay = 0
    /// The log up to here takes room that the node does not have.
    private var logToGo = LogIndex.zero
    private var foldIsDue = false
    private var foldStage = FoldStage.none
    private var doubts = RowDoubts()
    /// What waits for the end of a check of the rows.
    private var checkWaiters: [@Sendable (RowFinding) -> Void] = []
    private var asksForSchema = false
    /// Whether leadership should go elsewhere as soon as it can: the node is stopping, or its disk ails.
    private var yields = false

    /// When the block that is under way was begun, and how long the last one took from there to its answers.
    private var blockBegan: UInt64 = 0
    private var blockTime: UInt64 = 0

    /// Requests that waited longer than this before they ran are refused: the client has better use of the answer "later". Whoever comes
    /// while a block is under way waits for it in any case, so on slow disks it is what a few blocks take.
    private var queueTimeLimit: UInt64 {
        min(max(250_000_000, 4 * blockTime), Self.outcomeTimeLimit / 2)
    }
    /// Whoever waits longer than this for a majority is told that the outcome is unknown.
    static let outcomeTimeLimit: UInt64 = 8_000_000_000
    /// How long followers gather blocks before they apply them in one transaction.
    static let applyDelay: UInt64 = 100_000_000
    static let applyLimit = 256
    /// Reads that may wait for leave, of either kind; more are refused.
    private static let readLimit = 4096

    /// - Parameter recovered: what the log has of this shard; nil when this node holds no replica of it.
    init(
        shard: ShardID, machine: StoreMachine, recovered: RecoveredReplica?, floor: ReplicaID,
        fault: String?, services: ShardServices
    ) {
        self.shard = shard
        self.machine = machine
        self.services = services
        self.floor = floor
        self.fault = fault
        // What a leader answers to an earlier life of this node must answer nothing that this one asks.
        nextRead = UInt64(services.random(1...1 << 40)) << 16
        view = ShardView(shard: shard)
        if let recovered {
            self.floor = max(floor, recovered.replica)
            if fault == nil { makeReplica(recovered) } else { view.replica = recovered.replica }
        }
        // Whoever opens the node looks at the board to know whom to wait for.
        publish()
    }

    private func makeReplica(_ recovered: RecoveredReplica) {
        let core = Raft(
            id: recovered.replica, hardState: recovered.hardState, snapshot: recovered.start,
            blocks: recovered.blocks, applied: machine.appliedIndex)
        let (shard, log) = (shard, services.log)
        let recent = RecentBlocks(durableIndex: core.durableIndex) {
            try log.payload(shard: shard, block: $0)
        }
        self.recent = recent
        heardLeader = nil
        hasCaughtUp = false
        replica = Replica(
            core: core, machine: machine, source: recent, now: services.clock(),
            options: ReplicaOptions(queueLimit: 1024))
    }

    // MARK: Events

    func touch() { isTouched = true }

    func start(now: UInt64) {
        guard let replica else {
            publish()
            return
        }
        self.now = now
        replica.start()
        // Nobody can be in the way of a group's only voter.
        if replica.core.configuration.voters == [replica.core.id] {
            replica.timerFired(.election)
        }
    }

    func received(_ message: ReplicaMessage, from node: NodeID) {
        isTouched = true
        guard let replica, message.message.to == replica.core.id else {
            // Whoever writes to a replica that is not here, or not any more, must hear it: it may be counting on it.
            if message.message.to != newborn {
                services.tell(.lost(shard, message.message.to), to: node)
            }
            return
        }
        if abstains {
            switch message.message.body {
            case .preVote, .vote: return
            default: break
            }
        }
        // A snapshot comes with its rows, another way.
        if case .snapshot = message.message.body { return }
        // Who was away when it was voted out does not know, and would ask for votes for ever.
        if replica.core.role == .leader { held(message.message.from, by: node) }
        replica.receive(Envelope(message: message.message, payloads: message.payloads))
    }

    func persisted(_ id: ReplicaID, through sequence: UInt64) {
        isTouched = true
        if newborn == id {
            newborn = nil
            born(id)
            return
        }
        guard let replica, replica.core.id == id else { return }
        replica.persisted(through: sequence)
        recent?.persisted(through: replica.core.durableIndex)
    }

    func suspected(_ node: NodeID) {
        if heardLeader == node { setHeardLeader(nil) }
        forEachMember(on: node) { $0.suspect($1) }
    }
    func trusted(_ node: NodeID) { forEachMember(on: node) { $0.trust($1) } }

    private func setHeardLeader(_ node: NodeID?) {
        heardLeader = node
        isTouched = true
    }

    private func forEachMember(
        on node: NodeID, _ body: (Replica<StoreMachine>, ReplicaID) -> Void
    ) {
        isTouched = true
        guard let replica else { return }
        for member in replica.core.configuration.members
        where member.node == node && member != replica.core.id {
            body(replica, member)
        }
    }

    /// A node has said which shards it leads.
    func heard(from node: NodeID, leads: ShardSet) {
        if replica == nil {
            // One that is deposed and does not know yet says so for less than a second.
            if leads.contains(shard) {
                if heardLeader == nil { setHeardLeader(node) }
            } else if heardLeader == node {
                setHeardLeader(nil)
            }
            return
        }
        guard let replica, let leader = replica.core.leader, leader.node == node,
            leader != replica.core.id, !leads.contains(shard)
        else { return }
        isTouched = true
        replica.disowned(by: leader)
    }

    func read(_ read: ShardRead) {
        isTouched = true
        switch read.wish {
        case .linearizable:
            if arrivedReads.count < Self.readLimit {
                arrivedReads.append(read)
            } else {
                read.ready(.failure(Unavailable(reason: .overloaded, retryAfterSeconds: 1)))
            }
        case .applied(let index): wait(read, until: index)
        }
    }

    private func wait(_ read: ShardRead, until index: LogIndex) {
        if machine.appliedIndex >= index, machine.store != nil {
            read.ready(.success(machine.appliedIndex))
        } else if awaitingApply.count < Self.readLimit {
            awaitingApply.append((index, read))
            // Whoever waits does not wait for a fuller batch.
            if applyAt != .max { setDeadline(nil, now) }
        } else {
            read.ready(.failure(Unavailable(reason: .overloaded, retryAfterSeconds: 1)))
        }
    }

    func control(_ message: ControlMessage, from node: NodeID) {
        isTouched = true
        switch message {
        case .assign(_, let id): assign(id, from: node)
        case .assigned(_, let id): assigned.insert(id)
        case .holds(_, let id): held(id, by: node)
        case .retire(_, let id): retire(id)
        case .lost(_, let id):
            guard id.node == node, let replica, replica.core.role == .leader,
                replica.core.configuration.isMember(id)
            else { return }
            if lost.insert(id).inserted {
                services.logger.warning(
                    "a replica is lost and will be replaced",
                    metadata: ["shard": "\(shard)", "node": "\(node)", "replica": "\(id)"])
            }
        case .doubt(_, let id): doubted(by: id, node)
        case .sound(_, let id): leaderIsSound(id, node)
        case .askRead(_, let id, let term, let number, _): askedForRead(id, term, number, node)
        case .readAt(_, let id, let number, let index): readAt(index, number, id, node)
        case .askTerm, .inTerm: break
        }
    }

    // MARK: Being given a replica, and losing it

    private func assign(_ id: ReplicaID, from node: NodeID) {
        guard id.node == services.node else { return }
        if newborn == id { return }
        if let replica, replica.core.id == id {
            services.tell(.assigned(shard, id), to: node)
            return
        }
        guard id > floor else { return }
        if let replica, fault == nil {
            services.tell(.holds(shard, replica.core.id), to: node)
            return
        }
        services.logger.info(
            "a replica begins", metadata: ["shard": "\(shard)", "replica": "\(id)"])
        letGo()
        newborn = id
        floor = id
        births[id] = node
        services.log.append(
            LogChange(shard: shard, .born(id, Self.blankHead)), shard: shard, replica: id,
            sequence: 0)
    }

    private var births: [ReplicaID: NodeID] = [:]

    /// What a replica begins with that will be told everything.
    private static let blankHead = SnapshotHead(
        position: .zero, configuration: Configuration(voters: []))

    private func born(_ id: ReplicaID) {
        fault = nil
        makeReplica(
            RecoveredReplica(
                replica: id, hardState: HardState(term: .zero, vote: nil), start: Self.blankHead,
                blocks: []))
        replica?.start()
        if let node = births.removeValue(forKey: id) {
            services.tell(.assigned(shard, id), to: node)
        }
    }

    /// Only what a committed configuration says leads to this, so that it cannot be said by a leader of old.
    private func retire(_ id: ReplicaID) {
        guard let replica, replica.core.id == id else { return }
        services.logger.info(
            "a replica has left its group", metadata: ["shard": "\(shard)", "replica": "\(id)"])
        letGo()
        services.log.append(
            LogChange(shard: shard, .removed(floor: id)), shard: shard, replica: id,
            sequence: 0)
    }

    private func letGo() {
        refuseEverything(NotLeader(leader: nil))
        replica = nil
        recent = nil
        doubts = RowDoubts()
        logToGo = .zero
        clearDeadlines()
        machine.discard()
    }

    private func held(_ id: ReplicaID, by node: NodeID) {
        guard let replica, replica.core.role == .leader, isSettled(replica),
            !replica.core.configuration.isMember(id), id <= replica.core.configuration.highest
        else { return }
        services.tell(.retire(shard, id), to: node)
    }

    /// Whether the members in force are committed.
    private func isSettled(_ replica: Replica<StoreMachine>) -> Bool {
        replica.core.isEstablishedLeader && !replica.core.configuration.isJoint
            && replica.core.configuration(at: replica.core.commit) == replica.core.configuration
    }

    // MARK: Time

    private func setDeadline(_ place: Int?, _ time: UInt64) {
        if let place { deadlines[place] = time } else { applyAt = time }
        var next = applyAt
        for deadline in deadlines { next = min(next, deadline) }
        nextDeadline = next
    }

    private func clearDeadlines() {
        for place in deadlines.indices { deadlines[place] = .max }
        setDeadline(nil, .max)
    }

    func fireTimers(now: UInt64) {
        self.now = now
        isTouched = true
        guard let replica else { return }
        for timer in Timer.allCases where deadlines[timer.rawValue] <= now {
            if timer == .election && abstains {
                setDeadline(timer.rawValue, now + delay(of: timer))
                continue
            }
            setDeadline(timer.rawValue, .max)
            if timer == .election && replica.core.leader == nil { leaderlessElections += 1 }
            replica.timerFired(timer)
        }
        if applyAt <= now { apply(replica) }
    }

    private func apply(_ replica: Replica<StoreMachine>) {
        setDeadline(nil, .max)
        // Its end sets the time again.
        if machine.isFolding { return }
        replica.applyCommitted(limit: Self.applyLimit)
        if machine.divergedAt != nil { followDoubts() }
    }

    private func delay(of timer: Timer) -> UInt64 {
        let microseconds: ClosedRange<Int> =
            switch timer {
            case .election: 20_000...170_000
            case .retry: 100_000...200_000
            case .notify: shard == .directory ? 500...1_500 : 20_000...30_000
            case .transfer: 1_000_000...1_000_000
            case .quorum: 700_000...700_000
            }
        let delay = UInt64(services.random(microseconds)) * 1_000
        // An election takes two syncs on most disks, which may be slower than the disk a timeout was made for: whoever tries again and
        // again gives it twice the time, up to 16 times.
        return timer == .election ? delay << UInt64(min(max(0, leaderlessElections - 2), 4)) : delay
    }

    /// Ten times a second.
    func tick(now: UInt64) {
        self.now = now
        sweep()
        if !hasCaughtUp { isTouched = true }
        if machine.divergedAt != nil || doubts.damage != nil { followDoubts() }
        guard let replica, replica.core.role == .leader, now &- lastDuty >= 500_000_000 else {
            return
        }
        lastDuty = now
        isTouched = true
        lead(replica)
    }

    /// Nobody waits for ever.
    private func sweep() {
        if !works.isEmpty {
            for (id, work) in works where now &- work.enqueued > Self.outcomeTimeLimit {
                works[id] = nil
                work.finish(.failure(OutcomeUnknown()))
            }
        }
        func isLate(_ read: ShardRead) -> Bool { now &- read.enqueued > Self.readTimeLimit }
        if let asked = askedLeaderAt, let replica, let confirming = confirmingReads,
            now &- asked > Self.askAgain
        {
            // Under a new number, so that a late answer to the old one is not taken for it.
            nextRead += 1
            confirmingReads = (ReadID(nextRead), confirming.reads)
            if !askLeader(replica) { refuseReads(NotLeader(leader: replica.core.leader?.node)) }
        }
        if let confirming = confirmingReads, confirming.reads.contains(where: isLate) {
            confirmingReads = nil
            askedLeaderAt = nil
            refuse(confirming.reads, Unavailable(reason: .noLeader, retryAfterSeconds: 1))
        }
        if awaitingApply.contains(where: { isLate($0.read) }) {
            refuse(
                awaitingApply.map(\.read).filter(isLate),
                Unavailable(reason: .behind, retryAfterSeconds: 1))
            awaitingApply.removeAll { isLate($0.read) }
        }
    }

    private static let readTimeLimit: UInt64 = 2_000_000_000
    /// How long a follower waits for the leader's word on a read before it asks again.
    private static let askAgain: UInt64 = 200_000_000

    // MARK: Requests

    /// Whether a request would run at once, or be refused at once: the lane keeps others back until then.
    var wantsWork: Bool {
        guard let replica, replica.core.role == .leader else { return true }
        return replica.isIdle && !machine.isFolding
    }

    /// Whether nothing that somebody waits for is under way.
    var isAtRest: Bool { works.isEmpty && confirmingReads == nil && arrivedReads.isEmpty }

    func submit(_ batch: [ShardWork], now: UInt64) {
        self.now = now
        isTouched = true
        guard let replica, replica.core.role == .leader else {
            let leader = replica?.core.leader?.node
            for work in batch { work.finish(.failure(NotLeader(leader: leader))) }
            return
        }
        var requests: [(id: RequestID, request: ShardCommand)] = []
        requests.reserveCapacity(batch.count)
        for work in batch {
            if services.isDiskLow.load(ordering: .relaxed), case .rows = work.command {
                work.finish(.failure(Unavailable(reason: .diskFull, retryAfterSeconds: 5)))
                continue
            }
            if services.shedsLateRequests, now &- work.enqueued > queueTimeLimit,
                now > work.enqueued
            {
                work.finish(.failure(Unavailable(reason: .overloaded, retryAfterSeconds: 1)))
                continue
            }
            nextRequest += 1
            works[nextRequest] = work
            switch work.command {
            case .rows(let body):
                requests.append((RequestID(nextRequest), .rows(work.tenant, body)))
            case .schemaStep: requests.append((RequestID(nextRequest), .schemaStep))
            }
        }
        guard !requests.isEmpty else { return }
        blockBegan = now
        replica.now = services.clock()
        replica.submit(requests)
    }

    // MARK: What the replica asks for

    /// Does all that follows from the events so far.
    func settle(now: UInt64) {
        self.now = now
        isTouched = false
        guard let replica else {
            refuseReads(NotLeader(leader: heardLeader))
            publish()
            return
        }
        catchUp(replica)
        issueReads(replica)
        while true {
            let outputs = replica.takeOutputs()
            if outputs.isEmpty { break }
            // First what others may learn without asking, then what they are told.
            publish()
            for output in outputs {
                perform(output, replica)
                guard self.replica === replica else { break }
            }
        }
        publish()
    }

    private func perform(_ output: ReplicaOutput<ShardEnd>, _ replica: Replica<StoreMachine>) {
        switch output {
        case .store(let write):
            recent?.note(write)
            services.log.append(
                LogChange(shard: shard, .write(write.write, payloads: write.payloads)),
                shard: shard, replica: replica.core.id, sequence: write.write.sequence)
        case .send(let envelope): send(envelope)
        case .sendSnapshot(let target): sendSnapshot(to: target, replica)
        case .setTimer(let timer): setDeadline(timer.rawValue, now + delay(of: timer))
        case .cancelTimer(let timer): setDeadline(timer.rawValue, .max)
        case .answered(let id, let result): answered(id, result)
        case .readable(let id, let result): readable(id, result)
        case .applyPending:
            // The directory is what every node routes by.
            let isUrgent =
                replica.core.role == .leader || !awaitingApply.isEmpty || shard == .directory
            setDeadline(nil, min(applyAt, isUrgent ? now : now + Self.applyDelay))
        case .roleChanged(let role, let term, let leader): roleChanged(role, term, leader)
        case .transferEnded(let target, let outcome):
            services.logger.info(
                "transfer of leadership",
                metadata: [
                    "shard": "\(shard)", "to": "\(target.node)", "outcome": "\(outcome)",
                ])
        case .membersRefused(let refusal):
            services.logger.debug(
                "members unchanged", metadata: ["shard": "\(shard)", "reason": "\(refusal)"])
        case .compacted(let head):
            services.log.append(
                LogChange(shard: shard, .start(head)), shard: shard,
                replica: replica.core.id, sequence: nil)
        case .stopped(let reason): stopped("\(reason)")
        }
    }

    private func send(_ envelope: Envelope) {
        let message = ReplicaMessage(
            shard: shard, message: envelope.message, payloads: envelope.payloads)
        _ = services.peers.send(
            envelope.payloads.isEmpty ? .consensus : .replica,
            ByteBuffer(bytes: message.encoded()), to: envelope.message.to.node, over: .log)
    }

    private func answered(_ id: RequestID, _ result: Result<Done<ShardEnd>, RequestRefusal>) {
        guard let work = works.removeValue(forKey: id.rawValue) else { return }
        switch result {
        case .success(let done):
            blockTime = now &- blockBegan
            switch done.answer {
            case .completed: work.finish(.success(done.index))
            case .thrown(let error):
                guard error.tellsOfDamage else {
                    work.finish(.failure(error))
                    return
                }
                metDamage(error)
                // Nothing was done, and another leads soon.
                work.finish(.failure(Unavailable(reason: .busy, retryAfterSeconds: 1)))
            }
        case .failure(let refusal): work.finish(.failure(Self.error(refusal)))
        }
    }

    private static func error(_ refusal: RequestRefusal) -> any Error {
        switch refusal {
        case .notLeader(let leader): NotLeader(leader: leader?.node)
        case .busy: Unavailable(reason: .busy, retryAfterSeconds: 1)
        case .full: Unavailable(reason: .diskFull, retryAfterSeconds: 5)
        case .tooLong(let bytes, let limit): ChangesTooLong(bytes: bytes, limit: limit)
        case .outcomeUnknown: OutcomeUnknown()
        }
    }

    private func roleChanged(_ role: Role, _ term: Term, _ leader: ReplicaID?) {
        services.logger.debug(
            "role",
            metadata: [
                "shard": "\(shard)", "role": "\(role)", "term": "\(term)",
                "leader": "\(leader.map { "\($0.node)" } ?? "-")",
            ])
        if leader != nil { leaderlessElections = 0 }
        // Whom it was asked of leads no more, or not in this term.
        if askedLeaderAt != nil {
            let reads = confirmingReads?.reads ?? []
            confirmingReads = nil
            askedLeaderAt = nil
            refuse(reads, NotLeader(leader: leader?.node))
        }
        if role == .leader {
            leaderSince = now
            lastDuty = now
            lost = []
            assigned = []
            asksForSchema = true
            services.logger.info("leads", metadata: ["shard": "\(shard)", "term": "\(term)"])
        }
    }

    /// The replica has met something that it must not go on from: it says no more, and is replaced.
    private func stopped(_ reason: String) {
        isTouched = true
        fault = reason
        services.logger.error(
            "a replica has stopped", metadata: ["shard": "\(shard)", "reason": "\(reason)"])
        refuseEverything(NotLeader(leader: nil))
        replica = nil
        recent = nil
        clearDeadlines()
    }

    private func refuseEverything(_ error: any Error) {
        // What was on its way may have its effect all the same.
        for work in works.values { work.finish(.failure(OutcomeUnknown())) }
        works = [:]
        refuseReads(error)
        refuse(awaitingApply.map(\.read), error)
        awaitingApply = []
    }

    // MARK: Reads

    /// Finds out, once in a replica's life, when its rows hold what was committed after it was started: a disk that lost power may have
    /// brought back rows of any time, also of this term.
    private func catchUp(_ replica: Replica<StoreMachine>) {
        guard !hasCaughtUp, machine.store != nil else { return }
        if replica.core.role == .leader {
            hasCaughtUp =
                replica.core.isEstablishedLeader && machine.appliedIndex >= replica.core.commit
            return
        }
        guard replica.core.leader != nil, now >= asksToCatchUpAt else { return }
        // Again after a while, whatever becomes of it.
        asksToCatchUpAt = now &+ 300_000_000
        let id = replica.core.id
        read(
            ShardRead(wish: .linearizable, enqueued: now) { [services, shard] result in
                guard case .success = result else { return }
                services.onLane(shard) { host in
                    if host.replica?.core.id == id { host.hasCaughtUp = true }
                }
            })
    }

    /// One confirmation serves every read that came before it was asked for; those that come meanwhile wait for the next.
    private func issueReads(_ replica: Replica<StoreMachine>) {
        guard !arrivedReads.isEmpty, confirmingReads == nil else { return }
        nextRead += 1
        let id = ReadID(nextRead)
        if replica.core.role == .leader {
            confirmingReads = (id, arrivedReads)
            arrivedReads = []
            replica.read(id)
        } else if askLeader(replica) {
            confirmingReads = (id, arrivedReads)
            arrivedReads = []
        } else {
            refuseReads(NotLeader(leader: replica.core.leader?.node))
        }
    }

    /// A follower serves linearizable reads from its own rows, once it has applied what the leader says was committed after it asked
    /// (ReadIndex, thesis 6.4).
    private func askLeader(_ replica: Replica<StoreMachine>) -> Bool {
        let core = replica.core
        guard let leader = core.leader, leader != core.id, machine.store != nil, !abstains,
            services.peers.send(
                .control,
                ControlMessage.askRead(
                    shard, core.id, term: core.term, number: nextRead, core.commit
                ).encoded(), to: leader.node, over: .log)
        else { return false }
        askedLeaderAt = now
        return true
    }

    /// A follower wants to read.
    private func askedForRead(_ id: ReplicaID, _ term: Term, _ number: UInt64, _ node: NodeID) {
        guard id.node == node else { return }
        func answer(_ index: LogIndex) {
            services.tell(.readAt(shard, id, number: number, index), to: node)
        }
        switch replica?.core.readGrant(to: id, askedIn: term) ?? .refused {
        case .refused: answer(.zero)
        case .at(let index):
            // It must hear of the commit to apply it; the usual notice comes later.
            replica?.timerFired(.notify)
            answer(index)
        case .needsRound:
            read(
                ShardRead(wish: .linearizable, enqueued: now) { [services, shard] result in
                    let index = (try? result.get()) ?? .zero
                    services.onLane(shard) { $0.replica?.timerFired(.notify) }
                    services.tell(.readAt(shard, id, number: number, index), to: node)
                })
        }
    }

    /// What the leader says this follower must have applied.
    private func readAt(_ index: LogIndex, _ number: UInt64, _ id: ReplicaID, _ node: NodeID) {
        guard let replica, replica.core.id == id, askedLeaderAt != nil,
            let confirming = confirmingReads, confirming.id == ReadID(number)
        else { return }
        confirmingReads = nil
        askedLeaderAt = nil
        if index == .zero {
            refuse(confirming.reads, NotLeader(leader: replica.core.leader?.node))
        } else {
            for pending in confirming.reads { wait(pending, until: index) }
        }
        issueReads(replica)
    }

    private func readable(_ id: ReadID, _ result: Result<LogIndex, ReadRefusal>) {
        guard let confirming = confirmingReads, confirming.id == id, askedLeaderAt == nil else {
            return
        }
        confirmingReads = nil
        switch result {
        case .success(let index): for read in confirming.reads { read.ready(.success(index)) }
        case .failure(.notLeader(let leader)):
            refuse(confirming.reads, NotLeader(leader: leader?.node))
        case .failure(.leaderIsNew), .failure(.leadershipLost):
            refuse(confirming.reads, Unavailable(reason: .busy, retryAfterSeconds: 1))
        }
        if let replica { issueReads(replica) }
    }

    private func refuseReads(_ error: any Error) {
        let reads = arrivedReads + (confirmingReads?.reads ?? [])
        arrivedReads = []
        confirmingReads = nil
        askedLeaderAt = nil
        refuse(reads, error)
    }

    private func refuse(_ reads: [ShardRead], _ error: any Error) {
        for read in reads { read.ready(.failure(error)) }
    }

    private func releaseReads() {
        guard !awaitingApply.isEmpty, machine.store != nil else { return }
        let applied = machine.appliedIndex
        let ready = awaitingApply.filter { $0.index <= applied }
        guard !ready.isEmpty else { return }
        awaitingApply.removeAll { $0.index <= applied }
        for (_, read) in ready { read.ready(.success(applied)) }
    }

    // MARK: Soundness of the rows

    /// Whether this replica neither votes nor asks for votes: its rows may be wrong, and it is finding out.
    private var abstains: Bool { doubts.isChecking && machine.divergedAt != nil }

    /// Reads all rows here and compares them with their sums; `then` gets what that shows.
    func checkRows(_ then: (@Sendable (RowFinding) -> Void)? = nil) {
        guard replica != nil, machine.store != nil, checkWaiters.count < 64 else {
            then?(.notMade)
            return
        }
        if let then { checkWaiters.append(then) }
        if doubts.begin() { startCheck() }
    }

    /// A request stumbled over rows that SQLite cannot read.
    func metDamage(_ error: any Error) {
        services.logger.error(
            "rows cannot be read", metadata: ["shard": "\(shard)", "error": "\(error)"])
        checkRows()
    }

    private func startCheck() {
        let (services, shard, path) = (services, shard, machine.files.path)
        services.scrubber.check(shard, path: path) { finding in
            services.onLane(shard) { $0.checked(path, finding) }
        }
    }

    /// A check of the rows has ended.
    func checked(_ path: String, _ found: RowFinding) {
        isTouched = true
        // The rows of another file say nothing of those that took their place.
        let finding = path == machine.files.path && replica != nil ? found : .notMade
        if case .unsound(let what) = finding, doubts.damage == nil {
            services.logger.error(
                "rows have changed without a transaction",
                metadata: ["shard": "\(shard)", "finding": "\(what)"])
        }
        follow(doubts.found(finding, now: now))
        let waiters = checkWaiters
        checkWaiters = []
        for waiter in waiters { waiter(finding) }
        followDoubts()
    }

    private func followDoubts() {
        guard let replica else { return }
        if let damage = doubts.damage {
            if canBeSpared(replica) { stopped(damage) }
            return
        }
        follow(
            doubts.next(
                hasDiverged: machine.divergedAt != nil, isFollower: replica.core.role != .leader,
                now: now))
    }

    private func follow(_ step: RowDoubts.Step?) {
        switch step {
        case nil: break
        case .check: startCheck()
        case .doubt:
            guard let replica, let leader = replica.core.leader else { return }
            services.logger.error(
                "the leader's blocks say another state hash than the rows here, which add up",
                metadata: [
                    "shard": "\(shard)", "leader": "\(leader.node)",
                    "since": "\(machine.divergedAt ?? .zero)",
                ])
            services.tell(.doubt(shard, replica.core.id), to: leader.node)
        case .vouch(let replicas):
            for id in replicas { services.tell(.sound(shard, id), to: id.node) }
        }
    }

    private func doubted(by id: ReplicaID, _ node: NodeID) {
        guard id.node == node, let replica, replica.core.role == .leader,
            replica.core.configuration.isMember(id)
        else { return }
        follow(doubts.doubted(by: id, now: now))
    }

    /// Both sides add up and differ all the same. The leader's rows are what clients were shown.
    private func leaderIsSound(_ id: ReplicaID, _ node: NodeID) {
        guard let replica, replica.core.id == id, replica.core.leader?.node == node,
            replica.core.role != .leader, let since = machine.divergedAt
        else { return }
        stopped("the rows differ from the leader's since entry \(since)")
    }

    /// Whether the group goes on without this replica.
    private func canBeSpared(_ replica: Replica<StoreMachine>) -> Bool {
        let voters = replica.core.configuration.voters
        guard voters.contains(replica.core.id) else { return true }
        let connected = services.sight.withLock { $0.connected }
        let others = voters.count { $0 != replica.core.id && connected.contains($0.node) }
        return others > voters.count / 2
    }

    // MARK: Snapshots

    private func sendSnapshot(to target: ReplicaID, _ replica: Replica<StoreMachine>) {
        snapshotsUnderWay += 1
        services.snapshots.send(
            SnapshotOrder(
                shard: shard, from: replica.core.id, to: target, term: replica.core.term,
                path: machine.files.path))
    }

    /// What the snapshot that was taken at this entry stands for.
    func snapshotHead(at index: LogIndex) -> SnapshotHead? { replica?.snapshotHead(at: index) }

    func snapshotSent(_ order: SnapshotOrder, succeeded: Bool) {
        isTouched = true
        snapshotsUnderWay = max(0, snapshotsUnderWay - 1)
        guard let replica, replica.core.id == order.from else { return }
        replica.snapshotSent(to: order.to, succeeded: succeeded)
    }

    /// A snapshot has arrived, whole and checked.
    /// - Returns: whether it was wanted and is in place.
    func receivedSnapshot(_ message: Message, head: SnapshotHead, path: String) -> Bool {
        isTouched = true
        guard let replica, replica.core.id == message.to else { return false }
        var isInstalled = false
        replica.receive(Envelope(message: message)) { [machine] in
            try machine.install(path, head: head)
            isInstalled = true
        }
        // What was found wrong with the rows before says nothing of these.
        if isInstalled { doubts = RowDoubts() }
        return isInstalled || machine.appliedIndex >= head.position.index
    }

    // MARK: History

    /// The stored bytes of committed blocks that end after an entry.
    func history(after index: LogIndex, bytes limit: Int) throws -> StoredHistory {
        guard let replica, let recent, machine.store != nil else { throw NotLeader(leader: nil) }
        let blocks = replica.core.committedBlocks(after: index, bytes: limit)
        return StoredHistory(
            oldest: replica.core.start.index.next, committed: replica.core.commit,
            through: blocks.last?.last ?? max(index, replica.core.start.index),
            payloads: try blocks.filter { $0.content == .entries }.map(recent.payload))
    }

    // MARK: Upkeep

    /// What a fold goes through before it begins.
    private enum FoldStage {
        case none
        /// The SQLite WAL is on its way to the disk, and the shard goes on.
        case syncing
        case ready
    }

    /// Between transactions: the SQLite WAL and the log are kept short.
    func maintain() {
        let walPages = services.walPages.load(ordering: .relaxed)
        guard let replica, machine.needsFold(isDue: foldIsDue, walPages: walPages) else { return }
        let (services, shard) = (services, shard)
        switch foldStage {
        case .none:
            foldStage = .syncing
            services.checkpointer.sync(machine.files.path + "-wal") {
                services.onLane(shard) { $0.foldStage = .ready }
            }
        case .syncing: break
        case .ready:
            guard replica.isBetweenTransactions,
                let fold = machine.beginFold(isDue: foldIsDue, walPages: walPages)
            else { return }
            foldStage = .none
            foldIsDue = false
            services.checkpointer.run(fold) { services.onLane(shard) { $0.folded() } }
        }
    }

    private func folded() {
        isTouched = true
        do {
            let before = machine.durableIndex
            try machine.endFold()
            guard let replica else { return }
            if machine.durableIndex > before { cutLog(replica) }
            if machine.appliedIndex < replica.core.commit { setDeadline(nil, now) }
        } catch {
            services.logger.error(
                "checkpoint failed", metadata: ["shard": "\(shard)", "error": "\(error)"])
        }
    }

    /// The node's log has grown too long, and this shard holds its oldest part.
    /// - Parameter through: where that part ends, however few entries it may be: what a member misses then comes by a snapshot.
    func giveUpOldLog(through: LogIndex) {
        isTouched = true
        guard let replica else { return }
        logToGo = max(logToGo, through)
        // What the rows do not hold safely yet goes after the next fold, which this makes due.
        cutLog(replica)
        foldIsDue = logToGo > machine.durableIndex
        maintain()
    }

    private func cutLog(_ replica: Replica<StoreMachine>) {
        // A snapshot that is on its way needs the entries behind it.
        guard snapshotsUnderWay == 0 else { return }
        replica.compact(trailing: services.trailingEntries, through: logToGo)
    }

    // MARK: A leader's duties

    private func lead(_ replica: Replica<StoreMachine>) {
        let sight = services.sight.withLock { $0 }
        if asksForSchema, replica.core.isEstablishedLeader { askForSchema() }
        guard sight.isKnown, isSettled(replica) else { return }
        let core = replica.core
        let configuration = core.configuration
        lost = lost.filter { configuration.isMember($0) }
        let placement = Placement(
            shard: shard, configuration: configuration, lost: lost, caughtUp: caughtUp(core),
            assigned: assigned, nodes: sight.nodes,
            connected: sight.connected.union([services.node]),
            replicationFactor: shard == .directory
                ? (sight.nodes.count { $0.state == .active } >= 5 ? 5 : 3) : sight.replicationFactor
        )
        switch placement.next {
        case .none: balance(replica, sight)
        case .assign(let id): services.tell(.assign(shard, id), to: id.node)
        case .change(let voters, let learners):
            services.logger.info(
                "members change",
                metadata: [
                    "shard": "\(shard)", "voters": "\(voters.map(\.node))",
                    "learners": "\(learners.map(\.node))",
                ])
            replica.changeMembers(voters: voters, learners: learners)
        }
    }

    private func caughtUp(_ core: Raft) -> Set<ReplicaID> {
        Set(
            core.configuration.members.filter { member in
                guard let match = core.match(of: member) else { return false }
                return match.rawValue + 1024 >= core.last.index.rawValue && match > .zero
            })
    }

    private func askForSchema() {
        guard !machine.isFolding else { return }
        asksForSchema = false
        guard let missing = try? machine.store?.missingSchemaStep(), replica?.isIdle == true else {
            return
        }
        services.logger.info(
            "schema step", metadata: ["shard": "\(shard)", "step": "\(missing.number)"])
        asksForSchema = true
        submit(
            [ShardWork(tenant: .system, enqueued: now, command: .schemaStep, finish: { _ in })],
            now: now)
    }

    /// Hands leadership to the voter that should have it, once things have been quiet for a while.
    private func balance(_ replica: Replica<StoreMachine>, _ sight: ClusterSight) {
        if yields {
            yield()
            return
        }
        guard now &- leaderSince > 3_000_000_000,
            let preferred = Placement.preferredLeader(
                of: shard, replica.core.configuration, sight: sight),
            preferred != replica.core.id, sight.connected.contains(preferred.node),
            let match = replica.core.match(of: preferred), match == replica.core.commit
        else { return }
        leaderSince = now
        replica.transfer(to: preferred)
    }

    /// Hands leadership to whoever is best prepared: this node is stopping, or its disk ails.
    func yield() {
        isTouched = true
        yields = true
        guard let replica, replica.core.role == .leader else { return }
        let sight = services.sight.withLock { $0 }
        let best = replica.core.configuration.voters.filter {
            $0 != replica.core.id && sight.connected.contains($0.node)
                && !sight.ailing.contains($0.node)
        }.max {
            (replica.core.match(of: $0) ?? .zero, $0) < (replica.core.match(of: $1) ?? .zero, $1)
        }
        if let best { replica.transfer(to: best) }
    }

    func stopYielding() { yields = false }

    func transfer(to node: NodeID) -> Bool {
        isTouched = true
        guard let replica, replica.core.role == .leader,
            let target = replica.core.configuration.voters.first(where: { $0.node == node })
        else { return false }
        leaderSince = now &+ 60_000_000_000
        replica.transfer(to: target)
        return true
    }

    // MARK: The view

    private func publish() {
        var hasChanged = false
        let hasMoved = view.appliedIndex != machine.appliedIndex
        if let replica {
            let core = replica.core
            if !view.holdsTerm || view.term != core.term {
                let holdsTerm = core.term(at: machine.appliedIndex) == core.term
                hasChanged = view.holdsTerm != holdsTerm
                view.holdsTerm = holdsTerm
            }
            if view.isFresh != hasCaughtUp {
                view.isFresh = hasCaughtUp
                hasChanged = true
            }
            if view.role != core.role || view.term != core.term || view.replica != core.id
                || view.leader != core.leader?.node || view.isServing != core.isEstablishedLeader
                || view.configuration != core.configuration
            {
                view.replica = core.id
                view.role = core.role
                view.term = core.term
                view.leader = core.leader?.node
                view.isServing = core.isEstablishedLeader
                view.configuration = core.configuration
                view.leadsAlone =
                    view.isServing && core.configuration.voters == [core.id]
                    && !core.configuration.isJoint
                hasChanged = true
            }
            if hasMoved || view.commitIndex != core.commit {
                view.commitIndex = core.commit
                hasChanged = true
            }
            let isReadable = machine.store != nil && !abstains
            if view.isReadable != isReadable {
                view.isReadable = isReadable
                hasChanged = true
            }
        } else if view.role != .follower || view.leader != heardLeader || view.isServing
            || view.replica != nil && fault == nil && newborn == nil
        {
            view.role = .follower
            view.leader = heardLeader
            view.isServing = false
            view.isFresh = false
            view.holdsTerm = false
            view.isReadable = false
            view.leadsAlone = false
            if fault == nil && newborn == nil { view.replica = nil }
            hasChanged = true
        }
        if hasMoved || view.generation != machine.files.generation || view.fault != fault
            || view.path.isEmpty || view.damage != doubts.damage
        {
            view.appliedIndex = machine.appliedIndex
            view.stateHash = machine.stateHash
            view.generation = machine.files.generation
            view.path = machine.files.path
            view.fault = fault
            view.damage = doubts.damage
            hasChanged = true
        }
        if hasChanged { services.board.post(view) }
        if hasMoved { releaseReads() }
    }

    func close() {
        refuseEverything(Unavailable.shuttingDown)
        for waiter in checkWaiters { waiter(.notMade) }
        checkWaiters = []
        replica = nil
        do { try machine.close() } catch {
            services.logger.error(
                "last checkpoint failed", metadata: ["shard": "\(shard)", "error": "\(error)"])
        }
    }
}
