package import NIOCore
package import NIOHTTP1

/// Many requests of one kind, each sent until it is answered, over a number of connections to all nodes: filling, reading back, and
/// what is asked of operators' listeners.
///
/// `@unchecked Sendable`: all but `init` and `run` happens on the event loop.
package final class Batch: ConnectionUser, @unchecked Sendable {
    package struct Item {
        let head: HTTPRequestHead
        let body: ByteBuffer?
        /// Gets status and body; may ask for the next of a chain of requests.
        let answered: (Int, ByteBuffer) throws -> Item?

        package init(
            _ head: HTTPRequestHead, _ body: ByteBuffer? = nil,
            answered: @escaping (Int, ByteBuffer) throws -> Item?
        ) {
            self.head = head
            self.body = body
            self.answered = answered
        }
    }

    private let dialer: Dialer
    private let next: () throws -> Item?
    private let patience: UInt64
    private var connections: [Connection] = []
    private var items: [Item?] = []
    private var done: EventLoopPromise<Void>
    private var isDone = false
    private var running: Int
    private let began = MonotonicClock.nanoseconds
    private var lastAnswer = MonotonicClock.nanoseconds
    private var lastRefusal = "no connection could be opened"
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - patience: seconds without any answer that was not "not now", after which the batch fails.
    ///   - next: the next request, nil when there is none left.
    package init(
        dialer: Dialer, connections count: Int, patience: Double = 60,
        next: @escaping () throws -> Item?
    ) {
        self.dialer = dialer
        self.next = next
        self.patience = UInt64(patience * 1e9)
        done = dialer.loop.makePromise()
        running = count
        items = Array(repeating: nil, count: count)
        connections = (0..<count).map {
            Connection(dialer: dialer, home: $0 % dialer.addresses.count, user: self)
        }
    }

    package func run() -> EventLoopFuture<Void> {
        dialer.loop.execute { [self] in
            lastAnswer = MonotonicClock.nanoseconds
            for connection in connections { connection.open() }
            watch()
        }
        return done.futureResult
    }

    private func watch() {
        timer = dialer.loop.scheduleTask(in: .seconds(1)) { [self] in
            let now = MonotonicClock.nanoseconds
            if now - lastAnswer > patience { return finish(LoadFailure(lastRefusal)) }
            for connection in connections { connection.giveUp(after: patience / 2, now: now) }
            watch()
        }
    }

    private func finish(_ failure: (any Error)?) {
        guard !isDone else { return }
        isDone = true
        timer?.cancel()
        for connection in connections { connection.close() }
        connections = []
        if let failure { done.fail(failure) } else { done.succeed() }
    }

    private func place(of connection: Connection) -> Int? {
        connections.firstIndex { $0 === connection }
    }

    func isReady(_ connection: Connection) {
        guard !isDone, let place = place(of: connection) else { return }
        send(place)
    }

    private func send(_ place: Int) {
        guard !isDone, connections[place].isOpen else { return }
        do {
            if items[place] == nil { items[place] = try next() }
            guard let item = items[place] else {
                connections[place].close()
                running -= 1
                if running == 0 { finish(nil) }
                return
            }
            connections[place].send(item.head, item.body)
        } catch { finish(error) }
    }

    func didAnswer(_ connection: Connection, status: Int, body: ByteBuffer) {
        guard !isDone, let place = place(of: connection), let item = items[place] else { return }
        if status == 429 || status == 503 {
            lastRefusal =
                "\(item.head.method) \(item.head.uri) is answered \(status): \(String(buffer: body).prefix(300))"
            dialer.loop.scheduleTask(in: .milliseconds(100)) { [self] in
                if connection.isOpen, !connection.isAsking { send(place) }
            }
            return
        }
        lastAnswer = MonotonicClock.nanoseconds
        do {
            items[place] = try item.answered(status, body)
            send(place)
        } catch { finish(error) }
    }

    func didBreak(_ connection: Connection) {
        lastRefusal =
            "a connection to \(dialer.addresses[connection.node]) broke: \(connection.lastError)"
    }
}
