import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The one event loop that all load runs on, and the waiting of the thread that measures.
///
/// One thread: the harness shares its machine with the nodes, and what it does for a request takes microseconds.
package final class LoadEngine: Sendable {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    var loop: any EventLoop { group.next() }

    private static let isInterrupted = Atomic<Bool>(false)

    /// Who waits, ends. A signal's handler may call it.
    package static func interrupt() { isInterrupted.store(true, ordering: .relaxed) }
    package static var wasInterrupted: Bool { isInterrupted.load(ordering: .relaxed) }

    package init() {}

    package func shutdown() throws { try group.syncShutdownGracefully() }

    /// Waits for a future, or for an interrupt.
    func wait<Value: Sendable>(_ future: EventLoopFuture<Value>) throws -> Value {
        let holder = Holder<Value>()
        future.whenComplete { holder.set($0) }
        while true {
            if let result = holder.get(within: 0.2) { return try result.get() }
            try Self.throwIfInterrupted()
        }
    }

    /// Waits until a time of the monotonic clock, or for an interrupt.
    func wait(until time: UInt64) throws {
        while true {
            try Self.throwIfInterrupted()
            let now = MonotonicClock.nanoseconds
            guard now < time else { return }
            Thread.sleep(forTimeInterval: min(0.2, Double(time - now) / 1e9))
        }
    }

    private static func throwIfInterrupted() throws {
        if wasInterrupted { throw LoadFailure("interrupted") }
    }

    /// `/metrics` of each node; nil of those that do not answer within two seconds.
    func metrics(of operators: Dialer) -> [String?] {
        let futures = operators.addresses.indices.map { place in
            ask(operators, node: place, path: "/metrics", headers: ["Host": "localhost"])
        }
        return futures.map { future in
            guard let answer = try? wait(future), answer.status == 200 else { return nil }
            return String(buffer: answer.body)
        }
    }

    struct Answer: Sendable {
        let status: Int
        let body: ByteBuffer
    }

    /// One GET to one node, which fails when the node does not answer soon.
    func ask(
        _ dialer: Dialer, node: Int, path: String, headers: HTTPHeaders, patience: Double = 2
    ) -> EventLoopFuture<Answer> {
        let question = Question(
            dialer: dialer, node: node,
            head: HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers))
        return question.run(patience: patience)
    }

    /// A value that one thread waits for.
    ///
    /// `@unchecked Sendable`: the value is read and written under the condition's lock.
    private final class Holder<Value: Sendable>: @unchecked Sendable {
        private let condition = NSCondition()
        private var value: Result<Value, any Error>?

        func set(_ new: Result<Value, any Error>) {
            condition.lock()
            value = new
            condition.broadcast()
            condition.unlock()
        }

        func get(within seconds: Double) -> Result<Value, any Error>? {
            condition.lock()
            defer { condition.unlock() }
            if value == nil { _ = condition.wait(until: Date(timeIntervalSinceNow: seconds)) }
            return value
        }
    }
}

/// One request over a connection of its own.
///
/// `@unchecked Sendable`: all but `init` and `run` happens on the event loop.
private final class Question: ConnectionUser, @unchecked Sendable {
    private let head: HTTPRequestHead
    private let dialer: Dialer
    private var connection: Connection!
    private let promise: EventLoopPromise<LoadEngine.Answer>
    private var isDone = false

    init(dialer: Dialer, node: Int, head: HTTPRequestHead) {
        self.dialer = dialer
        self.head = head
        promise = dialer.loop.makePromise()
        connection = Connection(dialer: dialer, home: node, dialsOnce: true, user: self)
    }

    func run(patience: Double) -> EventLoopFuture<LoadEngine.Answer> {
        dialer.loop.execute { [self] in connection.open() }
        dialer.loop.scheduleTask(in: .milliseconds(Int64(patience * 1000))) { [self] in
            finish(.failure(LoadFailure("no answer to \(head.uri)")))
        }
        return promise.futureResult
    }

    private func finish(_ result: Result<LoadEngine.Answer, any Error>) {
        guard !isDone else { return }
        isDone = true
        connection.close()
        promise.completeWith(result)
    }

    func isReady(_ connection: Connection) {
        if !isDone { connection.send(head, nil) }
    }

    func didAnswer(_ connection: Connection, status: Int, body: ByteBuffer) {
        finish(.success(LoadEngine.Answer(status: status, body: body)))
    }

    func didBreak(_ connection: Connection) {
        finish(.failure(LoadFailure("no answer to \(head.uri): \(connection.lastError)")))
    }
}
