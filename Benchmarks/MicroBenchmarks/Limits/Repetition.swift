import Measurement
import Threads

/// Something done again and again for a time, each time taken.
struct Repetition: Sendable {
    var count = 0
    /// From the first beginning to the last end.
    var seconds = 0.0
    var latency = LatencyHistogram()

    var perSecond: Double { seconds > 0 ? Double(count) / seconds : 0 }

    /// Does `body` for `seconds`, at least once.
    static func run(seconds: Double, _ body: (Int) throws -> Void) rethrows -> Repetition {
        var done = Repetition()
        let start = monotonicNanoseconds()
        let end = start + UInt64(seconds * 1e9)
        var last = start
        repeat {
            try body(done.count)
            let now = monotonicNanoseconds()
            done.latency.record(nanoseconds: now - last)
            done.count += 1
            last = now
        } while last < end
        done.seconds = Double(last - start) / 1e9
        return done
    }

    /// The same in several threads at once, each with its own `body`; counts and latencies of all together.
    static func run(
        seconds: Double, bodies: [@Sendable (Int) throws -> Void]
    ) throws -> Repetition {
        let results = Monitor<[Result<Repetition, any Error>]>([])
        for body in bodies {
            startThread(named: "limit") {
                let result = Result { try Repetition.run(seconds: seconds, body) }
                results.signal { $0.append(result) }
            }
        }
        let all = results.wait { $0.count == bodies.count ? $0 : nil }
        var sum = Repetition()
        for result in all {
            let one = try result.get()
            sum.count += one.count
            sum.seconds = max(sum.seconds, one.seconds)
            sum.latency.add(one.latency)
        }
        return sum
    }

    /// As a limit in repetitions a second, with how long each took.
    func limit(_ name: String, _ title: String) -> Limit {
        Limit(name: name, title: title, value: perSecond, unit: "/s", latency: latency.summary)
    }

    /// As a limit in megabytes (10^6) a second.
    func limit(_ name: String, _ title: String, bytesEach: Int) -> Limit {
        Limit(
            name: name, title: title, value: perSecond * Double(bytesEach) / 1e6, unit: "MB/s")
    }
}
