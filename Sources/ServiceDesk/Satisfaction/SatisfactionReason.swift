import SQLite
import ShardStore
package import Wire

/// Why somebody was not satisfied, to choose from. A reason's number is its code; the code 0 stands for "no reason given".
///
/// Every desk has the default reasons without a row for them; a row says otherwise, or is a reason of the desk's own.
package struct SatisfactionReason: Sendable, Equatable {
    package let code: Int64
    package var value: String
    /// Nil for a default reason that nobody has changed.
    package var createdAt: Timestamp?
    package var updatedAt: Timestamp?
    package var deletedAt: Timestamp?
    package var version: Int64 = 0

    /// The dialect's, with its codes.
    static let defaults: [SatisfactionReason] = [
        SatisfactionReason(code: 5, value: "The issue took too long to resolve"),
        SatisfactionReason(code: 6, value: "The issue was not resolved"),
        SatisfactionReason(code: 7, value: "The agent's knowledge is unsatisfactory"),
        SatisfactionReason(code: 8, value: "The agent's attitude is unsatisfactory"),
        SatisfactionReason(code: 1000, value: "Some other reason"),
    ]
    /// Reasons to choose from.
    package static let activeLimit = 50
    /// Reasons that there ever were: their ratings keep their codes.
    package static let limit = 1000
    /// Bytes.
    package static let valueLimit = 255

    private init(code: Int64, value: String) {
        self.code = code
        self.value = value
    }

    static let columns = "code, value, created_at, updated_at, deleted_at, version"

    init(_ row: Row) {
        code = row.int64(0)
        value = row.text(1)
        createdAt = Timestamp(rawValue: row.int64(2))
        updatedAt = Timestamp(rawValue: row.int64(3))
        deletedAt = row.optionalInt64(4).map(Timestamp.init(rawValue:))
        version = row.int64(5)
    }
}

extension ShardReader {
    /// All reasons by code, also deleted ones.
    func satisfactionReasons() throws -> [SatisfactionReason] {
        var reasons = Dictionary(
            uniqueKeysWithValues: SatisfactionReason.defaults.map { ($0.code, $0) })
        let own = try all(
            "SELECT \(SatisfactionReason.columns) FROM satisfaction_reasons WHERE tenant = ?1 LIMIT ?2",
            SatisfactionReason.limit, read: SatisfactionReason.init)
        for reason in own { reasons[reason.code] = reason }
        return reasons.values.sorted { $0.code < $1.code }
    }

    /// A reason that can be chosen, or could be once; nil when there never was one with this code.
    func satisfactionReason(_ code: Int64) throws -> SatisfactionReason? {
        let own = try first(
            "SELECT \(SatisfactionReason.columns) FROM satisfaction_reasons WHERE tenant = ?1 AND code = ?2",
            code, read: SatisfactionReason.init)
        return own ?? SatisfactionReason.defaults.first { $0.code == code }
    }
}

extension Desk {
    /// The reasons to choose from, by code; with those that were deleted when somebody asks for them.
    package func satisfactionReasons(withDeleted: Bool = false) throws -> [SatisfactionReason] {
        try require(.list, .definition)
        return try rows.satisfactionReasons().filter { withDeleted || $0.deletedAt == nil }
    }

    /// A reason, also a deleted one: ratings name it.
    package func satisfactionReason(_ code: Int64) throws -> SatisfactionReason {
        try require(.read, .definition)
        guard let reason = try rows.satisfactionReason(code) else { throw DeskRefusal.notFound }
        return reason
    }
}

extension Desk where Rows == WritableRows {
    package func createSatisfactionReason(_ value: String?) throws -> SatisfactionReason {
        try require(.create, .definition)
        let known = try rows.satisfactionReasons()
        try checkRoom(among: known)
        guard known.count < SatisfactionReason.limit else {
            throw DeskRefusal.invalid(
                "base", .outOfRange,
                "A desk may have at most \(SatisfactionReason.limit) reasons, deleted ones included"
            )
        }
        let code = max(known.last?.code ?? 0, 1000) + 1
        return try keep(code, try checked(value, code, among: known), deletedAt: nil)
    }

    /// Changes a reason's text. One that was deleted can be chosen again afterwards.
    package func updateSatisfactionReason(_ code: Int64, _ value: String?) throws
        -> SatisfactionReason
    {
        try require(.update, .definition)
        let old = try satisfactionReason(code)
        let known = try rows.satisfactionReasons()
        if old.deletedAt != nil { try checkRoom(among: known) }
        let text = value ?? old.value
        return try keep(code, try checked(text, code, among: known), deletedAt: nil)
    }

    /// Ratings that name it keep its text.
    package func deleteSatisfactionReason(_ code: Int64) throws {
        try require(.delete, .definition)
        let old = try satisfactionReason(code)
        guard old.deletedAt == nil else { throw DeskRefusal.notFound }
        _ = try keep(code, old.value, deletedAt: now)
    }

    private func checkRoom(among known: [SatisfactionReason]) throws {
        guard known.count(where: { $0.deletedAt == nil }) < SatisfactionReason.activeLimit else {
            throw DeskRefusal.invalid(
                "base", .outOfRange,
                "A desk may offer at most \(SatisfactionReason.activeLimit) reasons")
        }
    }

    private func checked(
        _ value: String?, _ code: Int64, among known: [SatisfactionReason]
    ) throws -> String {
        let text = try Validation.required(
            value, "value", "Value", max: SatisfactionReason.valueLimit)
        let isTaken = known.contains {
            $0.code != code && $0.deletedAt == nil && $0.value == text
        }
        guard !isTaken else {
            throw DeskRefusal.invalid("value", .duplicate, "Value: has already been taken")
        }
        return text
    }

    private func keep(_ code: Int64, _ value: String, deletedAt: Timestamp?) throws
        -> SatisfactionReason
    {
        let changed = try rows.run(
            """
            UPDATE satisfaction_reasons SET value = ?3, updated_at = ?4, deleted_at = ?5,
            version = version + 1 WHERE tenant = ?1 AND code = ?2
            """, code, value, now.milliseconds, deletedAt?.milliseconds)
        if changed == 0 {
            try rows.run(
                "INSERT INTO satisfaction_reasons VALUES (?1, ?2, ?3, ?4, ?4, ?5, 1)", code, value,
                now.milliseconds, deletedAt?.milliseconds)
        }
        return try rows.satisfactionReason(code)!
    }
}
