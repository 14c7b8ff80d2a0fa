import SQLite

/// A query as it is asked of one kind of record: conditions that SQLite decides, by index where there is one, and words that
/// are looked for in the rows these leave.
struct SearchPlan {
    /// Terms of one field that a text must satisfy, any one of them.
    struct TextGroup {
        let patterns: [WordPattern]
        /// Which columns, by their bits.
        let bits: UInt8
        let isNegated: Bool
        /// A bare number is also the ticket of that number.
        let ticketID: Int64?
    }

    let kind: SearchKind
    /// SQL over the kind's table, all of which must hold.
    private(set) var conditions: [String] = []
    /// For `?2` onward.
    private(set) var values: [any Bindable] = []
    /// At most 64: one bit each while a row is looked at.
    private(set) var groups: [TextGroup] = []
    /// Nothing of this kind can be found: a term names a field it does not have.
    var isImpossible = false

    init(_ kind: SearchKind) { self.kind = kind }

    /// Adds a value and gives its place in the SQL.
    mutating func place(_ value: any Bindable) -> String {
        values.append(value)
        return "?\(values.count + 1)"
    }

    mutating func add(_ condition: String) { conditions.append(condition) }

    mutating func add(_ group: TextGroup) {
        let findsNothing = group.ticketID == nil && group.patterns.allSatisfy { $0 == .nothing }
        guard findsNothing else { return groups.append(group) }
        if !group.isNegated { isImpossible = true }
    }

    var condition: String {
        conditions.isEmpty ? "1" : conditions.map { "(\($0))" }.joined(separator: " AND ")
    }

    /// The text columns that some group looks at, by their place in the kind's list.
    var neededColumns: [Int] {
        let bits = groups.reduce(UInt8(0)) { $0 | $1.bits }
        return kind.textColumns.indices.filter { bits & (1 << UInt8($0)) != 0 }
    }

    // MARK: Deciding

    /// The groups that must be found and those that must not.
    var wanted: UInt64 { mask { !$0.isNegated } }
    var unwanted: UInt64 { mask { $0.isNegated } }
    /// The groups that look at comments.
    var commentGroups: UInt64 { mask { $0.bits & SearchKind.commentsBit != 0 } }

    private func mask(_ isIn: (TextGroup) -> Bool) -> UInt64 {
        groups.indices.reduce(0) { isIn(groups[$1]) ? $0 | 1 << UInt64($1) : $0 }
    }
}
