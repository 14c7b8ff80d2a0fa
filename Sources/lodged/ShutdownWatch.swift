import Logging
import ServiceLifecycle
import Threads

/// Says how far a node is with ending, and ends the process when that takes too long.
///
/// Steps have limits of their own where they wait for others; this one is above them all, for a disk that stands still and for what
/// nobody thought of. Whoever waits for the process sees it end, and the log says where it was. Nothing that was answered is lost:
/// it is on the disks of a majority, and the next start finds it in the log.
final class ShutdownWatch: Sendable {
    private struct State {
        var step: String?
        var since: UInt64 = 0
        var isOver = false
    }

    private let monitor = Monitor(State())
    private let limit: UInt64
    private let patience: UInt64
    private let logger: Logger
    private let giveUp: @Sendable (String) -> Void

    /// - Parameters:
    ///   - limit: from the first step to the end of all.
    ///   - patience: a step that takes longer is told of, again and again.
    ///   - giveUp: called once, on a thread of its own, with the step that did not end.
    init(
        limit: Duration, patience: Duration = .seconds(5), logger: Logger,
        giveUp: @escaping @Sendable (String) -> Void
    ) {
        self.limit = Self.nanoseconds(limit)
        self.patience = Self.nanoseconds(patience)
        self.logger = logger
        self.giveUp = giveUp
    }

    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        UInt64(duration / .nanoseconds(1))
    }

    /// The node begins a step; with the first the watch begins.
    func enter(_ step: String) {
        logger.debug("stopping", metadata: ["step": "\(step)"])
        let now = monotonicNanoseconds()
        let isFirst = monitor.withLock { state in
            defer { (state.step, state.since) = (step, now) }
            return state.step == nil
        }
        if isFirst { startThread(named: "stop-watch") { self.run(until: now + self.limit) } }
    }

    /// All is done.
    func end() { monitor.broadcast { $0.isOver = true } }

    private func run(until end: UInt64) {
        var next = monotonicNanoseconds() + patience
        while monitor.wait(until: min(next, end), { $0.isOver ? () : nil }) == nil {
            let now = monotonicNanoseconds()
            let (step, since) = monitor.withLock { ($0.step ?? "none", $0.since) }
            if now >= end { return giveUp(step) }
            guard now - since >= patience else {
                next = since + patience
                continue
            }
            next = now + patience
            logger.notice(
                "still stopping",
                metadata: ["step": "\(step)", "seconds": "\((now - since) / 1_000_000_000)"])
        }
    }
}

/// A service whose end is a step of its node's.
struct WatchedService: Service {
    let service: any Service
    let name: String
    let ending: ShutdownWatch

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await service.run()
        } onGracefulShutdown: {
            ending.enter(name)
        }
    }
}
