import Simulation
import Testing

@Suite struct LinearizabilityTests {
    private func entry(
        _ client: Int, _ operation: Operation, _ from: Int64, _ to: Int64?,
        _ outcome: HistoryEntry.Outcome
    ) -> HistoryEntry {
        HistoryEntry(
            client: client, key: 0, operation: operation, level: .linearizable, invoked: from,
            returned: to, outcome: outcome)
    }

    @Test func `Reads in the order of the writes are good`() {
        let history = [
            entry(1, .write(1), 0, 10, .ok(0)), entry(2, .read, 5, 8, .ok(0)),
            entry(2, .read, 9, 12, .ok(1)), entry(1, .add(2), 20, 30, .ok(3)),
            entry(2, .compareAndSet(expected: 3, new: 4), 31, 32, .ok(1)),
            entry(1, .compareAndSet(expected: 3, new: 5), 33, 34, .ok(0)),
            entry(1, .read, 40, 41, .ok(4)),
        ]
        #expect(Linearizability.check(history) == .linearizable)
    }

    static let bad: [(String, [(Int, Operation, Int64, Int64?, HistoryEntry.Outcome)])] = [
        ("a stale read", [(1, .write(1), 0, 10, .ok(0)), (2, .read, 11, 12, .ok(0))]),
        (
            "an effect twice",
            [(1, .add(1), 0, 10, .ok(1)), (2, .read, 11, 12, .ok(2))]
        ),
        (
            "time runs back",
            [
                (1, .write(1), 0, 100, .ok(0)), (2, .read, 5, 10, .ok(1)),
                (3, .read, 20, 30, .ok(0)),
            ]
        ),
        (
            "two comparisons that cannot both hold",
            [
                (1, .compareAndSet(expected: 0, new: 1), 0, 10, .ok(1)),
                (2, .compareAndSet(expected: 0, new: 2), 0, 10, .ok(1)),
            ]
        ),
        (
            "an unknown write that is seen and then lost",
            [
                (1, .write(5), 0, nil, .unknown), (2, .read, 10, 11, .ok(5)),
                (2, .read, 12, 13, .ok(0)),
            ]
        ),
        (
            "a refused write that is seen",
            [(1, .write(5), 0, 5, .refused), (2, .read, 10, 11, .ok(5))]
        ),
    ]

    @Test(arguments: bad.indices) func `What one register cannot do is found`(_ place: Int) {
        let history = Self.bad[place].1.map { entry($0.0, $0.1, $0.2, $0.3, $0.4) }
        #expect(Linearizability.check(history) == .violated, "\(Self.bad[place].0)")
    }

    @Test func `An unknown write may come late or never`() {
        let write = entry(1, .write(5), 0, nil, .unknown)
        #expect(
            Linearizability.check([
                write, entry(2, .read, 10, 11, .ok(0)), entry(2, .read, 12, 13, .ok(5)),
            ]) == .linearizable)
        #expect(Linearizability.check([write, entry(2, .read, 10, 11, .ok(0))]) == .linearizable)
    }

    @Test func `A search that takes too long says so`() {
        let history =
            (0..<40).map { entry($0, .write($0 + 1), 0, nil, .unknown) }
            + [entry(99, .read, 50, 51, .ok(1000))]
        #expect(Linearizability.check(history, limit: 1000) == .undecided)
    }

    @Test func `A history is written as the checker in Python reads it`() {
        let line = entry(3, .compareAndSet(expected: 4, new: 5), 12, 30, .ok(1)).json
        #expect(
            line
                == #"{"client":3,"key":"k0","kind":"compareAndSet","argument":5,"expected":4,"result":true,"invoked":12,"returned":30,"outcome":"ok","level":"linearizable"}"#
        )
    }
}
