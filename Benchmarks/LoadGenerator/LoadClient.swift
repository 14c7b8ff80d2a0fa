import Measurement
import NIOCore

/// One client: a connection, what it asks, and what is under way.
///
/// `@unchecked Sendable`: all but `init` happens on the event loop.
final class LoadClient: ConnectionUser, @unchecked Sendable {
    let number: Int
    private unowned let load: PhaseLoad
    private(set) var connection: Connection!
    private var stream: RequestStream
    private(set) var current: LoadRequest?
    /// When the request was due: in a closed loop when it was first sent, in an open one when it arrived.
    private(set) var dueAt: UInt64 = 0
    /// When it was sent last.
    private(set) var sentAt: UInt64 = 0
    private var answers = 0
    private var isPausing = false
    var hasOpened = false
    var goesHome = false
    var isDone = false

    /// How long a client waits after "not now".
    private static let pause = TimeAmount.milliseconds(5)

    init(number: Int, load: PhaseLoad, _ stream: RequestStream) {
        self.number = number
        self.load = load
        self.stream = stream
        connection = Connection(
            dialer: load.dialer, home: number % load.dialer.addresses.count, user: self)
    }

    /// Whether it has nothing under way and nothing to do before it could.
    var isFree: Bool { current == nil && !isPausing }

    /// - Parameter request: the client's own next one when nil.
    func begin(_ request: LoadRequest?, due: UInt64) {
        dueAt = due
        current = request ?? stream.next()
        sendCurrent()
    }

    func sendCurrent() {
        guard var request = current, !isPausing else { return }
        request.desk.begin(&request)
        current = request
        let message = request.message(load.texts, hasKey: load.plan.retries)
        sentAt = MonotonicClock.nanoseconds
        connection.send(message.head, message.body)
    }

    func goHomeNow() {
        goesHome = false
        connection.goHome()
    }

    /// Forgets what is under way, which may have happened or not.
    func giveUp() {
        isDone = true
        if let request = current {
            request.desk.giveUp(request)
            load.recordFailure(self, request.operation)
        }
        current = nil
        connection.close()
    }

    // MARK: ConnectionUser

    func isReady(_ connection: Connection) {
        guard !isPausing, !isDone else { return }
        load.proceed(self)
    }

    func didAnswer(_ connection: Connection, status: Int, body: ByteBuffer) {
        guard let request = current else { return }
        let now = MonotonicClock.nanoseconds
        answers += 1
        let verdict = AnswerCheck.judge(
            request, status: status, body: body, texts: load.texts,
            mustShow: request.operation == .get ? request.desk.statusToShow(request) : nil,
            parses: answers % AnswerCheck.fullParseEvery == 0)
        switch verdict {
        case .right(let facts):
            current = nil
            load.record(self, request, facts, now: now)
        case .wrong(let what):
            current = nil
            request.desk.giveUp(request)
            load.recordWrong(self, request, what)
        case .notNow:
            fail(request)
            isPausing = true
            load.dialer.loop.scheduleTask(in: Self.pause) { [self] in
                isPausing = false
                if self.connection.isOpen, !isDone { load.proceed(self) }
            }
            return
        }
        if connection.isOpen { load.proceed(self) }
    }

    func didBreak(_ connection: Connection) {
        guard let request = current else { return }
        fail(request)
    }

    /// No answer that says what became of the request.
    private func fail(_ request: LoadRequest) {
        load.recordFailure(self, request.operation)
        if load.plan.retries { return }
        current = nil
        request.desk.giveUp(request)
    }
}
