import Glibc
import Measurement
import Threads

/// How long it takes until a thread runs that another one has woken: half of a round of two that wake each other through
/// pipes.
enum WakeUpLimit {
    static func measure(seconds: Double) throws -> Limit {
        let (there, back) = (try Pipe(), try Pipe())
        startThread(named: "wake-up") {
            while there.wait() { back.wake() }
            back.closeWriting()
        }
        let rounds = try Repetition.run(seconds: seconds) { _ in
            there.wake()
            guard back.wait() else { throw LimitFault.ofSystem("a pipe broke") }
        }
        there.closeWriting()
        // The other thread has ended, so nobody uses the pipes any more.
        guard !back.wait() else { throw LimitFault(description: "a pipe woke twice") }
        there.closeReading()
        back.closeReading()
        return Limit(
            name: "wake-up", title: "a thread woken by another, half of there and back",
            value: rounds.latency.summary.p50 / 2, unit: "us", latency: rounds.latency.summary)
    }
}

private struct Pipe: Sendable {
    private let reading: Int32
    private let writing: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw LimitFault.ofSystem("no pipe") }
        (reading, writing) = (ends[0], ends[1])
    }

    func wake() {
        var byte: UInt8 = 1
        _ = write(writing, &byte, 1)
    }

    /// False once the other end is closed.
    func wait() -> Bool {
        var byte: UInt8 = 0
        while true {
            let count = read(reading, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            return count == 1
        }
    }

    func closeWriting() { close(writing) }
    func closeReading() { close(reading) }
}
