import SQLite
package import Wire

/// A trigger, an automation, a macro or a view.
package struct Rule: Sendable, Equatable {
    package let kind: RuleKind
    package internal(set) var id: Int64
    package var isActive: Bool
    /// Rules of a kind are looked at, and shown, from the lowest to the highest; equal ones by age.
    package var position: Int64
    package var updatedAt: Timestamp
    package var version: Int64
    /// How often it failed since it last did what it should, and why; at `failureLimit` it is switched off.
    package var failures: Int64
    package var failure: String?
    package var title: String
    package var description: String?
    package var conditions: ConditionTexts
    package var actions: [ActionText]
    package var restriction: RuleRestriction
    package var output: ViewOutput
    /// Of a view: its tickets up to this number are counted.
    package var countedThrough: Int64
    package let isDefault: Bool
    package let createdAt: Timestamp

    package static let failureLimit: Int64 = 10

    static let columns = """
        kind, id, active, position, updated_at, version, failures, failure, title, description,
        conditions, actions, restriction, output, counted_through, is_default, created_at
        """

    init(_ row: Row) {
        kind = RuleKind(rawValue: row.int64(0)) ?? .trigger
        id = row.int64(1)
        isActive = row.bool(2)
        position = row.int64(3)
        updatedAt = Timestamp(rawValue: row.int64(4))
        version = row.int64(5)
        failures = row.int64(6)
        failure = row.optionalText(7)
        title = row.text(8)
        description = row.optionalText(9)
        conditions = RuleText.conditions(row.text(10))
        actions = RuleText.actions(row.text(11))
        restriction = RuleRestriction(row.text(12))
        output = ViewOutput(row.text(13))
        countedThrough = row.int64(14)
        isDefault = row.bool(15)
        createdAt = Timestamp(rawValue: row.int64(16))
    }

    /// A new one.
    init(
        _ kind: RuleKind, id: Int64, position: Int64, title: String, description: String?,
        conditions: ConditionTexts, actions: [ActionText], restriction: RuleRestriction,
        output: ViewOutput, isActive: Bool, isDefault: Bool = false, now: Timestamp
    ) {
        self.kind = kind
        self.id = id
        self.isActive = isActive
        self.position = position
        updatedAt = now
        version = 1
        failures = 0
        failure = nil
        self.title = title
        self.description = description
        self.conditions = conditions
        self.actions = actions
        self.restriction = restriction
        self.output = output
        countedThrough = 0
        self.isDefault = isDefault
        createdAt = now
    }
}

/// Who sees a macro or view.
package enum RuleRestriction: Sendable, Equatable {
    case everybody
    case user(Int64)
    case groups([Int64])

    init(_ text: String) {
        let parts = text.split(separator: " ")
        switch parts.first {
        case "user": self = Int64(parts.last ?? "").map(RuleRestriction.user) ?? .everybody
        case "groups": self = .groups(IDList.split(String(parts.last ?? "")))
        default: self = .everybody
        }
    }

    var text: String {
        switch self {
        case .everybody: ""
        case .user(let id): "user \(id)"
        case .groups(let ids): "groups \(IDList.join(ids))"
        }
    }

    /// Whose own it is.
    package var ownerID: Int64? {
        if case .user(let id) = self { id } else { nil }
    }

    func includes(_ principal: Principal) -> Bool {
        switch self {
        case .everybody: true
        case .user(let id): id == principal.userID
        case .groups(let ids):
            principal.role == .admin || ids.contains(where: principal.groupIDs.contains)
        }
    }
}

/// How a view's tickets are shown.
package struct ViewOutput: Sendable, Equatable {
    package var columns: [String]
    package var groupBy: String?
    package var groupDescending: Bool
    package var sortBy: String?
    package var sortDescending: Bool

    package init(
        columns: [String] = ["subject", "requester"], groupBy: String? = nil,
        groupDescending: Bool = true, sortBy: String? = nil, sortDescending: Bool = true
    ) {
        self.columns = columns
        self.groupBy = groupBy
        self.groupDescending = groupDescending
        self.sortBy = sortBy
        self.sortDescending = sortDescending
    }

    /// Five words with commas within: `subject,requester status asc nice_id desc`.
    init(_ text: String) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 5 else {
            self.init()
            return
        }
        func name(_ text: String) -> String? { text == "-" ? nil : text }
        self.init(
            columns: parts[0].split(separator: ",").map(String.init), groupBy: name(parts[1]),
            groupDescending: parts[2] == "desc", sortBy: name(parts[3]),
            sortDescending: parts[4] == "desc")
    }

    var text: String {
        [
            columns.joined(separator: ","), groupBy ?? "-", groupDescending ? "desc" : "asc",
            sortBy ?? "-", sortDescending ? "desc" : "asc",
        ].joined(separator: " ")
    }
}

/// What a request wants of a rule, new or old. Nil leaves a part as it is.
package struct RuleDraft: Sendable, Equatable {
    package var title: String?
    package var description: String??
    package var isActive: Bool?
    package var position: Int64?
    package var conditions: ConditionTexts?
    package var actions: [ActionText]?
    package var restriction: RuleRestriction?
    package var output: ViewOutput?
    /// 32 random bytes, for the first rule that offers a survey: they become the key of the desk's survey links.
    package var surveyKey: [UInt8]?
    package init() {}
}
