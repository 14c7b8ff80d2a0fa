package import Measurement
package import NIOCore

/// What one phase asks for.
package struct PhasePlan: Sendable {
    package var name: String
    /// Counted over all phases of a call: what follows from the seed differs from phase to phase.
    package var number: Int
    package var loop: Loop
    package var mix: OperationMix
    package var seed: UInt64
    package var bursts: Arrivals.Bursts?
    /// Whether a write without an answer is sent again, with the same key, until it has one.
    package var retries: Bool
    package var chooser: TenantChooser
    /// Seconds that an answer is waited for.
    package var patience = 15.0

    package init(
        name: String, number: Int, loop: Loop, mix: OperationMix, seed: UInt64,
        bursts: Arrivals.Bursts? = nil, retries: Bool = false, chooser: TenantChooser
    ) {
        self.name = name
        self.number = number
        self.loop = loop
        self.mix = mix
        self.seed = seed
        self.bursts = bursts
        self.retries = retries
        self.chooser = chooser
    }

    var clients: Int {
        switch loop {
        case .closed(let clients): clients
        case .open(_, let connections): connections
        }
    }
}

/// Drives the clients of one phase.
///
/// `@unchecked Sendable`: all but `init` and the calls that return futures happens on the event loop; there are no hops between
/// threads in a request's life.
package final class PhaseLoad: @unchecked Sendable {
    let plan: PhasePlan
    let dialer: Dialer
    let texts: Texts
    private var clients: [LoadClient] = []
    private var recorder = Recorder()
    private(set) var checks = Checks()
    private var opened: EventLoopPromise<Void>
    private var drained: EventLoopPromise<Void>
    private var waitingToOpen: Int
    private var measured: (from: UInt64, to: UInt64) = (.max, .max)
    private var isRunning = false
    private var isStopping = false
    private var isOver = false
    private var lastRoll: UInt64 = 0
    private var watch: RepeatedTask?

    // Of an open loop
    private var arrivals: Arrivals?
    private var arrivalStream: RequestStream
    private var began: UInt64 = 0
    private var nextDue: UInt64 = .max
    private var due = CircularBuffer<UInt64>()
    private let dueLimit: Int
    private var idle: [LoadClient] = []
    private var timer: Scheduled<Void>?
    /// Arrivals that found the queue full.
    private(set) var overflow = 0

    /// Shards whose next acknowledged write is waited for, since when; and how long it took.
    private var watchedShards: [Int: UInt64] = [:]
    private var gaps: [Int: Double] = [:]

    package init(_ plan: PhasePlan, dialer: Dialer, desks: [Desk]) {
        self.plan = plan
        self.dialer = dialer
        texts = Texts(seed: plan.seed)
        opened = dialer.loop.makePromise()
        drained = dialer.loop.makePromise()
        waitingToOpen = plan.clients
        func stream(_ number: Int) -> RequestStream {
            RequestStream(
                seed: plan.seed, phase: plan.number, number: number, mix: plan.mix,
                chooser: plan.chooser, desks: desks)
        }
        arrivalStream = stream(0)
        dueLimit = if case .open(let rate, _) = plan.loop { Int(max(10_000, rate * 10)) } else { 0 }
        if case .open(let rate, _) = plan.loop {
            arrivals = Arrivals(
                perSecond: rate, bursts: plan.bursts, seed: plan.seed, phase: plan.number)
        }
        clients = (0..<plan.clients).map { LoadClient(number: $0, load: self, stream($0)) }
    }

    // MARK: Called by who measures

    /// Opens all connections.
    package func open() -> EventLoopFuture<Void> {
        dialer.loop.execute { [self] in
            for client in clients { client.connection.open() }
            let limit = UInt64(plan.patience * 1e9)
            watch = dialer.loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1))
            { [self] _ in
                let now = MonotonicClock.nanoseconds
                for client in clients { client.connection.giveUp(after: limit, now: now) }
            }
        }
        return opened.futureResult
    }

    /// Begins to ask.
    package func start() -> EventLoopFuture<Void> {
        dialer.loop.submit { [self] in
            isRunning = true
            began = MonotonicClock.nanoseconds
            lastRoll = began
            if arrivals == nil {
                for client in clients where client.connection.isOpen { proceed(client) }
            } else {
                idle = clients.filter(\.connection.isOpen)
                drawArrival()
                arrive()
            }
        }
    }

    /// What is due from now on counts.
    package func beginMeasuring() -> EventLoopFuture<UInt64> {
        dialer.loop.submit { [self] in
            let now = MonotonicClock.nanoseconds
            measured = (now, .max)
            _ = recorder.roll(at: 0, seconds: 0)
            lastRoll = now
            return now
        }
    }

    /// The interval that ends now.
    package func roll() -> EventLoopFuture<Interval> {
        dialer.loop.submit { [self] in
            let now = MonotonicClock.nanoseconds
            let interval = recorder.roll(
                at: MonotonicClock.seconds(from: measured.from, to: lastRoll),
                seconds: MonotonicClock.seconds(from: lastRoll, to: now))
            lastRoll = now
            return interval
        }
    }

    /// Ends what counts, and waits until all that was due is answered or given up.
    package func stop() -> EventLoopFuture<PhaseOutcome> {
        dialer.loop.flatSubmit { [self] in
            measured.to = MonotonicClock.nanoseconds
            isStopping = true
            timer?.cancel()
            // What was due until now is asked for yet.
            takeArrivals()
            nextDue = .max
            for client in clients where client.isFree { finish(client) }
            let deadline = dialer.loop.scheduleTask(in: .milliseconds(Int64(plan.patience * 1000)))
            {
                [self] in self.end()
            }
            endIfDrained()
            return drained.futureResult.map { [self] in
                deadline.cancel()
                watch?.cancel()
                return PhaseOutcome(
                    seconds: MonotonicClock.seconds(from: measured.from, to: measured.to),
                    operations: recorder.operations, checks: checks, overflow: overflow,
                    redials: clients.reduce(0) { $0 + max(0, $1.connection.redials) })
            }
        }
    }

    /// Waits for the next write of each shard that is sent from now on and acknowledged.
    package func watchShards(_ shards: Set<Int>, since: UInt64) -> EventLoopFuture<Void> {
        dialer.loop.submit { [self] in
            gaps = [:]
            watchedShards = Dictionary(uniqueKeysWithValues: shards.map { ($0, since) })
        }
    }

    /// Seconds until writes were acknowledged again, by shard; those not here are still waited for.
    package func shardGaps() -> EventLoopFuture<[Int: Double]> {
        dialer.loop.submit { [self] in gaps }
    }

    /// Clients that went to another node while theirs was away go back to it, after their next answer.
    package func goHome() -> EventLoopFuture<Void> {
        dialer.loop.submit { [self] in
            for client in clients where client.connection.isAway {
                client.goesHome = true
                if client.isFree { client.goHomeNow(); idle.removeAll { $0 === client } }
            }
        }
    }

    // MARK: Called by clients

    /// A client's connection is open and it has nothing under way.
    func proceed(_ client: LoadClient) {
        if !client.hasOpened {
            client.hasOpened = true
            waitingToOpen -= 1
            if waitingToOpen == 0 { opened.succeed() }
        }
        guard isRunning else { return }
        if isOver { return finish(client) }
        if client.current != nil { return client.sendCurrent() }
        if client.goesHome { return client.goHomeNow() }
        guard arrivals != nil else {
            return isStopping
                ? finish(client) : client.begin(nil, due: MonotonicClock.nanoseconds)
        }
        takeArrivals()
        if let time = due.popFirst() {
            client.begin(arrivalStream.next(), due: time)
        } else if isStopping {
            finish(client)
        } else {
            idle.append(client)
        }
    }

    func record(_ client: LoadClient, _ request: LoadRequest, _ facts: AnswerFacts, now: UInt64) {
        checks.answersChecked += 1
        if request.operation.isWrite {
            if request.desk.acknowledge(request, facts, phase: plan.number) {
                checks.acknowledgedWrites += 1
            }
            if !watchedShards.isEmpty, let since = watchedShards[request.desk.shard],
                client.sentAt >= since
            {
                watchedShards[request.desk.shard] = nil
                gaps[request.desk.shard] = MonotonicClock.seconds(from: since, to: now)
            }
        }
        recorder.record(
            request.operation, nanoseconds: now > client.dueAt ? now - client.dueAt : 0,
            isInPhase: isInPhase(due: client.dueAt, now: now))
    }

    /// Of an open loop by when a request was due, so that the slow ones at the end count; of a closed loop by when it was answered.
    private func isInPhase(due: UInt64, now: UInt64) -> Bool {
        let time = arrivals == nil ? now : due
        return time >= measured.from && time < measured.to
    }

    func recordFailure(_ client: LoadClient, _ operation: Operation) {
        recorder.recordFailure(
            operation, isInPhase: isInPhase(due: client.dueAt, now: MonotonicClock.nanoseconds))
    }

    func recordWrong(_ client: LoadClient, _ request: LoadRequest, _ what: String) {
        checks.answersChecked += 1
        checks.wrongAnswerCount += 1
        if checks.wrongAnswers.count < 20 { checks.wrongAnswers.append(what) }
    }

    /// A client without anything to do any more.
    func finish(_ client: LoadClient) {
        client.isDone = true
        client.connection.close()
        endIfDrained()
    }

    // MARK: Arrivals

    private func drawArrival() {
        guard let seconds = arrivals?.next() else { return }
        nextDue = began + UInt64(seconds * 1e9)
    }

    /// Queues what is due by now.
    private func takeArrivals() {
        let now = MonotonicClock.nanoseconds
        while nextDue <= now {
            if due.count < dueLimit {
                due.append(nextDue)
            } else {
                overflow += 1
                let lost = arrivalStream.next()
                if lost.operation.isWrite { lost.desk.giveUpUnsent(lost) }
                recorder.recordFailure(
                    lost.operation, isInPhase: isInPhase(due: nextDue, now: nextDue))
            }
            drawArrival()
        }
    }

    private func arrive() {
        guard !isStopping else { return }
        takeArrivals()
        while !due.isEmpty, let client = idle.popLast() {
            guard client.connection.isOpen, !client.isDone, client.current == nil else { continue }
            client.begin(arrivalStream.next(), due: due.removeFirst())
        }
        timer = dialer.loop.scheduleTask(deadline: .uptimeNanoseconds(nextDue)) { [self] in
            arrive()
        }
    }

    // MARK: The end

    private func endIfDrained() {
        if isStopping, !isOver, clients.allSatisfy(\.isDone) { end() }
    }

    /// What is under way, or still waits for a connection, is given up.
    private func end() {
        guard !isOver else { return }
        isOver = true
        for time in due {
            recorder.recordFailure(
                arrivalStream.next().operation, isInPhase: isInPhase(due: time, now: time))
        }
        for client in clients where !client.isDone { client.giveUp() }
        drained.succeed()
    }
}

/// What a phase came to, before its writes are read back.
package struct PhaseOutcome: Sendable {
    package var seconds: Double
    package var operations: [OperationResult]
    package var checks: Checks
    package var overflow: Int
    /// Connections that were dialled again.
    package var redials: Int
}
