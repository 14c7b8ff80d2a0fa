package import Consensus
import Replication
import Wire

/// How a run ended.
package struct RunResult: Sendable {
    package let seed: UInt64
    /// What went wrong; nil when nothing did.
    package let failure: String?
    package let failedAt: Int64
    package let statistics: Statistics
    package let history: [HistoryEntry]
}

/// One seed's world: nodes, network, disks, clocks, clients and what goes wrong, in one thread and virtual time.
///
/// Everything is decided by the seed: the same seed gives the same run to the byte, on every machine.
package final class World<Machine: SimulatedMachine> {
    enum Happening {
        case deliver(Envelope, to: Int)
        case heartbeat(from: Int, life: Int, leads: ReplicaID?, to: Int)
        case disconnected(from: Int, at: Int)
        case tick(Int, life: Int)
        case timer(Int, life: Int, Timer, setting: UInt64)
        case syncEnded(Int, life: Int)
        case apply(Int, life: Int)
        case checkpoint(Int, life: Int)
        case restart(Int)
        case request(Attempt, to: Int)
        case readAsked(ReadQuestion, to: Int)
        case readGranted(number: UInt64, LogIndex, to: Int)
        case termAsked(TermQuestion, to: Int)
        case termTold(number: UInt64, Bool, to: Int)
        case answer(AttemptResult, client: Int, sequence: Int)
        case timeout(client: Int, sequence: Int, attempt: Int)
        case clientStarts(Int)
        case clientNudged(Int)
        case tryAgain(client: Int, sequence: Int, at: Int?)
        case snapshot(SnapshotTransfer)
        case fault
        case coup(Int, life: Int)
        case powerCut(Int, friend: Int, life: Int)
        case membership
        case mend([(Int, Int)], extraDelay: Int64)
        case heal
        case inspect
    }

    struct SnapshotTransfer {
        let from: Int
        let fromLife: Int
        let to: Int
        let toLife: Int
        let target: ReplicaID
        let message: Message
        let head: SnapshotHead
        let rows: [UInt8]
        let isCut: Bool
    }

    let seed: UInt64
    let profile: Profile
    let bugs: PlantedBugs
    var random: Randomness
    var time: Int64 = 0
    var queue = EventQueue<Happening>()
    var nodes: [Node<Machine>] = []
    var clients: [Client] = []
    var owners: [ReplicaID: Int] = [:]
    var nextReplica: UInt64
    var nextNumber: UInt64 = 0
    /// How many cuts lie on the way from one node to another.
    var cuts: [[Int]]
    var extraDelay: [[Int64]]
    var isHealed = false
    var checker: Checker
    var statistics = Statistics()
    var history: [HistoryEntry] = []
    let trace: ((String) -> Void)?
    let folder: String
    var valuesWritten = 0

    let tickInterval: Int64 = 100_000
    let healingBound: Int64 = 60_000_000
    /// Many times what a run takes; beyond it something calls itself for ever.
    let eventLimit = 3_000_000

    package init(
        seed: UInt64, profile: Profile, bugs: PlantedBugs = [], folder: String = "",
        trace: ((String) -> Void)? = nil
    ) throws {
        self.seed = seed
        self.profile = profile
        self.bugs = bugs
        self.folder = folder
        self.trace = trace
        random = Randomness(seed: seed)
        let empty = [Int](repeating: 0, count: profile.nodes)
        cuts = [[Int]](repeating: empty, count: profile.nodes)
        extraDelay = [[Int64]](
            repeating: [Int64](repeating: 0, count: profile.nodes), count: profile.nodes)
        let voters = (1...profile.voters).map { ReplicaID(UInt64($0)) }
        nextReplica = UInt64(profile.voters) + 1
        let birth = SnapshotHead(
            position: LogPosition(index: Machine.birthIndex, term: .zero),
            configuration: Configuration(voters: voters))
        checker = Checker(birth: birth)
        for number in 0..<profile.nodes {
            let others = (0..<profile.nodes).filter { $0 != number }
            let monitor = PeerMonitor(
                peers: others, interval: tickInterval, patience: 450_000, now: 0)
            nodes.append(Node(number: number, monitor: monitor, nodes: profile.nodes))
            if number < profile.voters {
                try equip(nodes[number], with: voters[number], birth: birth)
            }
        }
        for number in 0..<profile.clients {
            clients.append(Client(number: number, believedLeader: random.below(profile.nodes)))
        }
    }

    /// Puts a blank replica on a node's disk.
    func equip(_ node: Node<Machine>, with replica: ReplicaID, birth: SnapshotHead) throws {
        nextNumber += 1
        let machine = try Machine.make(number: Int(nextNumber), folder: folder)
        machine.forgetsIdempotency = bugs.contains(.idempotencyOutsideTransaction)
        let log = SimulatedLog(birth: birth)
        log.forgetsVote = bugs.contains(.forgetsVote)
        node.disk = Disk(replica: replica, log: log, machine: machine, bornAt: time)
        owners[replica] = node.number
    }

    // MARK: Running

    /// Runs to the end, or to the first thing that is wrong.
    package func run() throws -> RunResult {
        for node in nodes { try boot(node) }
        for client in clients {
            queue.insert(.clientStarts(client.number), at: random.between(0, 500_000))
        }
        queue.insert(.fault, at: random.between(100_000, 1_000_000))
        if profile.allows(.membership) || profile.allows(.wipe) {
            queue.insert(.membership, at: random.between(200_000, 2_000_000))
        }
        queue.insert(.heal, at: profile.duration)
        var isDone = false
        while !isDone, checker.failure == nil, let (time, happening) = queue.removeFirst() {
            self.time = time
            statistics.events += 1
            if statistics.events > eventLimit {
                checker.fail("more than \(eventLimit) events by \(time): something never rests")
            }
            if let node = nodeConcerned(by: happening), node.frozenUntil > time {
                queue.insert(happening, at: node.frozenUntil)
                continue
            }
            isDone = try happen(happening)
        }
        if checker.failure == nil { checkEnd() }
        statistics.virtualTime = time
        return RunResult(
            seed: seed, failure: checker.failure, failedAt: time, statistics: statistics,
            history: history)
    }

    private func nodeConcerned(by happening: Happening) -> Node<Machine>? {
        switch happening {
        case .deliver(_, let to), .heartbeat(_, _, _, let to), .disconnected(_, let to),
            .request(_, let to), .readAsked(_, let to), .readGranted(_, _, let to),
            .termAsked(_, let to), .termTold(_, _, let to):
            nodes[to]
        case .tick(let node, _), .timer(let node, _, _, _), .syncEnded(let node, _),
            .apply(let node, _), .checkpoint(let node, _):
            nodes[node]
        case .snapshot(let transfer): nodes[transfer.to]
        case .restart, .answer, .timeout, .clientStarts, .clientNudged, .tryAgain, .fault, .coup,
            .powerCut,
            .membership,
            .mend,
            .heal,
            .inspect:
            nil
        }
    }

    /// - Returns: whether the run is over.
    private func happen(_ happening: Happening) throws -> Bool {
        switch happening {
        case .deliver(let envelope, let to): deliver(envelope, to: nodes[to])
        case .heartbeat(let from, let life, let leads, let to):
            heard(from: from, life: life, leads: leads, at: nodes[to])
        case .disconnected(let from, let at):
            if nodes[at].isUp, let change = nodes[at].monitor.disconnected(from: from) {
                tell(nodes[at], change)
            }
        case .tick(let number, let life): if nodes[number].life == life { tick(nodes[number]) }
        case .timer(let number, let life, let timer, let setting):
            let node = nodes[number]
            guard node.life == life, node.timers[timer.rawValue] == setting else { return false }
            say("\(number) timer \(timer)")
            act(node) { $0.timerFired(timer) }
        case .syncEnded(let number, let life):
            guard nodes[number].life == life else { return false }
            syncEnded(nodes[number])
        case .apply(let number, let life):
            guard nodes[number].life == life else { return false }
            nodes[number].isApplyPending = false
            let limit = random.pick([1, 3, 256])
            act(nodes[number]) { $0.applyCommitted(limit: limit) }
        case .checkpoint(let number, let life):
            guard nodes[number].life == life else { return false }
            try checkpoint(nodes[number])
        case .restart(let number): if !nodes[number].isUp { try boot(nodes[number]) }
        case .request(let attempt, let to): try arrives(attempt, at: nodes[to])
        case .readAsked(let question, let to): asked(question, nodes[to])
        case .readGranted(let number, let index, let to): granted(number, index, nodes[to])
        case .termAsked(let question, let to): asked(question, nodes[to])
        case .termTold(let number, let isSo, let to): told(number, isSo, nodes[to])
        case .answer(let result, let client, let sequence):
            answered(client, sequence, result)
        case .timeout(let client, let sequence, let attempt):
            timedOut(client, sequence, attempt: attempt)
        case .clientStarts(let client): startOperation(client)
        case .clientNudged(let client): nudge(client)
        case .tryAgain(let client, let sequence, let node):
            if clients[client].current?.request.sequence == sequence { attempt(client, at: node) }
        case .snapshot(let transfer): try arrived(transfer)
        case .fault: try nextFault()
        case .coup(let number, let life): try strike(nodes[number], life: life)
        case .powerCut(let number, let friend, let life):
            try cutPower(nodes[number], friend: friend, life: life)
        case .membership: try nextMembership()
        case .mend(let links, let delay): mend(links, extraDelay: delay)
        case .heal: try heal()
        case .inspect: return inspect()
        }
        return false
    }

    func say(_ text: @autoclosure () -> String) {
        if let trace { trace("\(time) \(text())") }
    }

    // MARK: Processes

    /// Starts a node's process from what its disk holds.
    func boot(_ node: Node<Machine>) throws {
        node.isUp = true
        node.life += 1
        node.frozenUntil = 0
        node.forgetClients()
        node.isApplyPending = false
        let others = nodes.map(\.number).filter { $0 != node.number }
        node.monitor = PeerMonitor(
            peers: others, interval: tickInterval, patience: 450_000 + random.between(0, 150_000),
            now: time)
        node.livesHeard = nodes.map(\.life)
        queue.insert(
            .tick(node.number, life: node.life), at: time + random.between(0, tickInterval))
        if node.disk != nil { try startReplica(node) }
    }

    func startReplica(_ node: Node<Machine>) throws {
        guard let disk = node.disk else { return }
        let log = disk.log
        if disk.machine.appliedIndex < log.content.start.position.index {
            checker.fail(
                "\(disk.replica) has rows up to \(disk.machine.appliedIndex) and a log that begins after \(log.content.start.position)"
            )
            return
        }
        let end = log.content.blocks.last?.head.last ?? log.content.start.position.index
        if disk.machine.appliedIndex > end {
            // A snapshot was put in place and the power went before the log knew.
            guard let head = disk.machine.installed,
                head.position.index == disk.machine.appliedIndex
            else {
                checker.fail(
                    "\(disk.replica) has rows up to \(disk.machine.appliedIndex) and a log up to \(end)"
                )
                return
            }
            log.reset(to: head)
        }
        var core = Raft(
            id: disk.replica,
            limits: Limits(
                blockBytes: 1 << 16, messageBytes: profile.messageBytes, inflightBytes: 1 << 16,
                inflightBlocks: profile.inflightBlocks, uncommittedBytes: 1 << 17,
                promotionLag: 50),
            hardState: log.content.hardState, snapshot: log.content.start,
            blocks: log.content.blocks.map(\.head), applied: disk.machine.appliedIndex)
        #if PLANTED_BUGS
            core.planted = bugs
        #endif
        checker.restarted(disk.replica, in: core.term)
        node.seenReady = core.ready
        node.seenApplied = disk.machine.appliedIndex
        node.timers = node.timers.map { $0 + 1 }
        let replica = Replica(
            core: core, machine: disk.machine, source: log, now: now(at: node),
            options: ReplicaOptions(queueLimit: 64, batchLimit: random.pick([1, 4, 64])))
        node.replica = replica
        say("\(node.number) starts \(disk.replica) at \(core.last) in term \(core.term)")
        queue.insert(
            .checkpoint(node.number, life: node.life), at: time + random.between(0, 2_000_000))
        act(node) { $0.start() }
        for other in nodes where node.monitor.isSuspected(other.number) {
            tell(node, .suspected(other.number))
        }
    }

    func now(at node: Node<Machine>) -> Timestamp {
        Timestamp(milliseconds: 1_700_000_000_000 + time / 1000 + node.clockOffset)
    }

    enum Death { case process, power }

    /// Ends a node's process; what it had not sent or stored is gone.
    func kill(_ node: Node<Machine>, _ death: Death, downFor: Int64) throws {
        guard node.isUp else {
            // The power may go while the process is down; what it wrote has had time to settle by then.
            return
        }
        say("\(node.number) dies by \(death)")
        node.isUp = false
        node.life += 1
        node.replica = nil
        node.forgetClients()
        if let disk = node.disk {
            switch death {
            case .process:
                disk.log.processDied()
                try disk.machine.processDied()
            case .power:
                disk.log.powerFailed(&random)
                try disk.machine.powerFailed(&random)
            }
        }
        // Its sockets close, for those that can see it.
        for other in nodes where other.number != node.number && other.isUp && death == .process {
            if cuts[node.number][other.number] == 0, random.chance(0.8) {
                queue.insert(
                    .disconnected(from: node.number, at: other.number),
                    at: time + random.between(200, 60_000))
            }
        }
        statistics.restarts += 1
        queue.insert(.restart(node.number), at: time + downFor)
    }

    /// Lets the replica of a node do something, and performs what it asks for.
    func act(_ node: Node<Machine>, _ body: (Replica<Machine>) -> Void) {
        guard node.isUp, let replica = node.replica else { return }
        replica.now = now(at: node)
        body(replica)
        perform(node, replica)
    }

    private func perform(_ node: Node<Machine>, _ replica: Replica<Machine>) {
        let life = node.life
        while true {
            let outputs = replica.takeOutputs()
            observe(node, replica)
            if outputs.isEmpty { return }
            for output in outputs {
                if dies(node) { return }
                perform(output, node, replica)
                if node.life != life || checker.failure != nil { return }
            }
        }
    }

    /// Dying between any two things a replica does.
    private func dies(_ node: Node<Machine>) -> Bool {
        guard !isHealed, profile.crashPointRate > 0, random.chance(profile.crashPointRate) else {
            return false
        }
        statistics.count(.crashPoint)
        do {
            try kill(
                node, random.chance(0.5) ? .power : .process,
                downFor: random.between(10_000, 1_000_000))
        } catch { checker.fail("\(error)") }
        return true
    }

    /// Compares what the replica now holds as committed and applied with everyone else's.
    private func observe(_ node: Node<Machine>, _ replica: Replica<Machine>) {
        let core = replica.core
        if core.ready < node.seenReady { checker.fail("\(core.id) took back what was committed") }
        if core.ready > node.seenReady, let disk = node.disk {
            if core.start.index <= node.seenReady {
                for head in core.blocks(from: node.seenReady.next, through: core.ready) {
                    let payload = head.content == .entries ? disk.log.payload(of: head) : []
                    let isNew = checker.committedIndex < head.last
                    let changes =
                        head.content == .entries ? try? Machine.changes(in: payload) : []
                    checker.commits(core.id, head, payload, changes: changes ?? nil)
                    if isNew { statistics.blocks += 1 }
                    if isNew, case .configuration = head.content { statistics.configurations += 1 }
                }
            }
            node.seenReady = core.ready
        }
        let applied = replica.machine.appliedIndex
        if applied < node.seenApplied { checker.fail("\(core.id) took back what was applied") }
        if applied > node.seenApplied {
            node.seenApplied = applied
            checker.stands(core.id, at: applied, hash: replica.machine.stateHash)
            answerGranted(at: node, replica)
        }
    }

    private func perform(
        _ output: ReplicaOutput<Int>, _ node: Node<Machine>, _ replica: Replica<Machine>
    ) {
        switch output {
        case .store(let write):
            node.disk?.log.write(write)
            beginSync(node)
        case .send(let envelope):
            checker.sent(envelope.message)
            statistics.messages += 1
            guard let to = owners[envelope.message.to], to != node.number else { return }
            say("\(node.number) sends \(describe(envelope.message))")
            transmit(.deliver(envelope, to: to), from: node.number, to: to)
        case .sendSnapshot(let target): sendSnapshot(to: target, from: node, replica)
        case .setTimer(let timer):
            node.timers[timer.rawValue] += 1
            queue.insert(
                .timer(node.number, life: node.life, timer, setting: node.timers[timer.rawValue]),
                at: time + delay(of: timer))
        case .cancelTimer(let timer): node.timers[timer.rawValue] += 1
        case .answered(let id, let result):
            guard let attempt = node.attempts.removeValue(forKey: id.rawValue) else { return }
            answer(attempt, from: node, result)
        case .readable(let id, let result):
            if let question = node.questions.removeValue(forKey: id.rawValue) {
                grant((try? result.get()) ?? .zero, question, node)
                return
            }
            guard let attempt = node.attempts.removeValue(forKey: id.rawValue) else { return }
            readable(attempt, at: node, replica, result)
        case .applyPending:
            guard !node.isApplyPending else { return }
            node.isApplyPending = true
            let delay = random.between(0, isHealed ? 1_000 : profile.applyDelay)
            queue.insert(.apply(node.number, life: node.life), at: time + delay)
        case .roleChanged(let role, let term, let leader):
            say(
                "\(node.number) is \(role) in term \(term), leader \(leader.map { "\($0)" } ?? "none")"
            )
            if role == .leader {
                statistics.elections += 1
                checker.leads(replica.core.id, in: term)
                planCoup(against: node)
                planNudges()
            }
        case .transferEnded(let target, let outcome): say("transfer to \(target): \(outcome)")
        case .membersRefused(let refusal): say("members refused: \(refusal)")
        case .compacted(let head): node.disk?.log.compact(head)
        case .stopped(let fault): checker.fail("\(replica.core.id) stopped: \(fault)")
        }
    }

    private func delay(of timer: Timer) -> Int64 {
        switch timer {
        case .election: random.between(50_000, 350_000)
        case .retry: random.between(100_000, 200_000)
        case .notify: random.between(2_000, 10_000)
        case .transfer: 1_000_000
        case .quorum: 700_000
        }
    }

    private func describe(_ message: Message) -> String {
        "\(message.from)>\(message.to) t\(message.term) \(message.body)"
    }

    // MARK: Disk

    func beginSync(_ node: Node<Machine>) {
        guard node.disk?.log.beginSync() == true else { return }
        var delay = random.exponential(mean: profile.syncDelay) + 50
        if isHealed { delay = min(delay, 5_000) }
        let start = max(time, node.stalledUntil)
        queue.insert(.syncEnded(node.number, life: node.life), at: start + delay)
    }

    private func syncEnded(_ node: Node<Machine>) {
        guard let sequence = node.disk?.log.endSync() else { return }
        beginSync(node)
        act(node) { $0.persisted(through: sequence) }
    }

    private func checkpoint(_ node: Node<Machine>) throws {
        guard let disk = node.disk, node.replica != nil else { return }
        queue.insert(
            .checkpoint(node.number, life: node.life),
            at: time + random.between(300_000, 3_000_000))
        // The log may be cut at any time, not only right after a checkpoint.
        if random.chance(0.4) {
            cutLog(node)
            return
        }
        try disk.machine.checkpoint()
        if random.chance(0.5) { cutLog(node) }
    }

    private func cutLog(_ node: Node<Machine>) {
        guard profile.allows(.checkpoint) || isHealed else { return }
        let trailing = profile.trailingEntries
        act(node) { $0.compact(trailing: trailing) }
    }

    // MARK: Network

    /// Sends something over the network between two nodes, or to a client (`to` or `from` nil).
    func transmit(_ happening: Happening, from: Int?, to: Int?) {
        var delay = 20 + random.exponential(mean: profile.messageDelay)
        if let from, let to {
            if cuts[from][to] > 0 { return }
            delay += extraDelay[from][to]
        }
        if !isHealed {
            if random.chance(profile.loss) { return }
            if random.chance(profile.heavyTail) { delay *= 100 }
            // A client's connection is a stream: what it sends once arrives once, or a refusal would prove nothing.
            if from != nil, random.chance(profile.duplication) {
                let later = delay + random.exponential(mean: profile.messageDelay * 10)
                queue.insert(happening, at: time + later)
            }
        }
        queue.insert(happening, at: time + delay)
    }

    private func deliver(_ envelope: Envelope, to node: Node<Machine>) {
        // A replica this disk was never given, or that is gone with an earlier disk: nobody answers for it.
        guard node.isUp, node.disk?.replica == envelope.message.to else { return }
        say("\(node.number) receives \(describe(envelope.message))")
        act(node) { $0.receive(envelope) }
    }

    private func sendSnapshot(
        to target: ReplicaID, from node: Node<Machine>, _ replica: Replica<Machine>
    ) {
        guard let to = owners[target], let disk = node.disk else { return }
        let rows: [UInt8]
        do { rows = try disk.machine.takeSnapshot() } catch {
            checker.fail("\(error)")
            return
        }
        let head = replica.snapshotHead
        let message = Message(
            from: replica.core.id, to: target, term: replica.core.term, body: .snapshot(head))
        let isCut = !isHealed && profile.allows(.snapshotCut) && random.chance(0.4)
        if isCut { statistics.count(.snapshotCut) }
        let transfer = SnapshotTransfer(
            from: node.number, fromLife: node.life, to: to, toLife: nodes[to].life, target: target,
            message: message, head: head, rows: rows, isCut: isCut)
        say("\(node.number) sends snapshot \(head.position) to \(target)")
        queue.insert(
            .snapshot(transfer), at: time + random.between(1_000, isHealed ? 20_000 : 2_000_000))
    }

    private func arrived(_ transfer: SnapshotTransfer) throws {
        let sender = nodes[transfer.from]
        let receiver = nodes[transfer.to]
        let hasArrived =
            !transfer.isCut && cuts[transfer.from][transfer.to] == 0
            && receiver.life == transfer.toLife && receiver.isUp
            && receiver.disk?.replica == transfer.target
        if hasArrived, let machine = receiver.disk?.machine {
            say("\(transfer.to) receives snapshot \(transfer.head.position)")
            statistics.snapshots += 1
            act(receiver) { replica in
                replica.receive(Envelope(message: transfer.message)) {
                    try machine.install(transfer.rows, head: transfer.head)
                }
            }
        }
        guard sender.life == transfer.fromLife else { return }
        act(sender) { $0.snapshotSent(to: transfer.target, succeeded: hasArrived) }
    }

    // MARK: Nodes watching each other

    private func tick(_ node: Node<Machine>) {
        let jitter = isHealed ? 0 : random.between(0, tickInterval / 5)
        queue.insert(.tick(node.number, life: node.life), at: time + tickInterval + jitter)
        for change in node.monitor.tick(now: time) { tell(node, change) }
        guard node.isUp else { return }
        let leads = node.replica.flatMap { $0.core.role == .leader ? $0.core.id : nil }
        for other in nodes where other.number != node.number {
            transmit(
                .heartbeat(from: node.number, life: node.life, leads: leads, to: other.number),
                from: node.number, to: other.number)
        }
    }

    private func heard(from: Int, life: Int, leads: ReplicaID?, at node: Node<Machine>) {
        guard node.isUp, life >= node.livesHeard[from] else { return }
        if life > node.livesHeard[from] {
            // Another process: whatever the old one led, it leads no more.
            node.livesHeard[from] = life
            if let change = node.monitor.disconnected(from: from) { tell(node, change) }
        }
        if let change = node.monitor.heard(from: from, now: time) { tell(node, change) }
        if let leader = node.replica?.core.leader, owners[leader] == from, leads != leader {
            act(node) { $0.disowned(by: leader) }
        }
    }

    func tell(_ node: Node<Machine>, _ change: PeerMonitor.Change) {
        say("\(node.number) \(change)")
        let number: Int
        switch change {
        case .suspected(let other), .trusted(let other): number = other
        }
        for replica in owners.keys.sorted() where owners[replica] == number {
            act(node) { acting in
                switch change {
                case .suspected: acting.suspect(replica)
                case .trusted: acting.trust(replica)
                }
            }
        }
    }
}
