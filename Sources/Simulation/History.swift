/// What a client saw of one operation. Written as JSON Lines, the format of `Tests/Histories`.
package struct HistoryEntry: Sendable {
    package enum Level: String, Sendable {
        case linearizable, session, stale
    }
    package enum Outcome: Equatable, Sendable {
        case ok(Int)
        case refused
        case unknown
    }

    package let client: Int
    package let key: Int
    package let operation: Operation
    package let level: Level
    /// Virtual time in microseconds.
    package let invoked: Int64
    package var returned: Int64?
    package var outcome: Outcome

    package init(
        client: Int, key: Int, operation: Operation, level: Level, invoked: Int64,
        returned: Int64?, outcome: Outcome
    ) {
        self.client = client
        self.key = key
        self.operation = operation
        self.level = level
        self.invoked = invoked
        self.returned = returned
        self.outcome = outcome
    }

    package var json: String {
        var fields: [(String, String)] = [("client", "\(client)"), ("key", "\"k\(key)\"")]
        var result = "null"
        switch operation {
        case .read:
            fields.append(("kind", "\"read\""))
            if case .ok(let value) = outcome { result = "\(value)" }
        case .write(let value): fields += [("kind", "\"write\""), ("argument", "\(value)")]
        case .add(let amount):
            fields += [("kind", "\"add\""), ("argument", "\(amount)")]
            if case .ok(let value) = outcome { result = "\(value)" }
        case .compareAndSet(let expected, let new):
            fields += [
                ("kind", "\"compareAndSet\""), ("argument", "\(new)"), ("expected", "\(expected)"),
            ]
            if case .ok(let held) = outcome { result = held == 1 ? "true" : "false" }
        }
        let name: String
        switch outcome {
        case .ok: name = "ok"
        case .refused: name = "refused"
        case .unknown: name = "unknown"
        }
        fields += [
            ("result", result), ("invoked", "\(invoked)"),
            ("returned", outcome == .unknown ? "null" : returned.map { "\($0)" } ?? "null"),
            ("outcome", "\"\(name)\""), ("level", "\"\(level.rawValue)\""),
        ]
        return "{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }
}
