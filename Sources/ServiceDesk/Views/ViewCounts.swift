import ShardStore
import Wire

/// For whom a view's tickets are counted.
///
/// "My tickets" is another view for each who looks. Its tickets are counted by their assignee, and who looks is told the count of
/// theirs. Most views are the same for everybody.
enum CountKey: Sendable, Equatable {
    case everybody
    case assignee
    case requester
    case group

    /// How a view's tickets can be counted as they change; nil when they cannot: time alone changes what is in it, or it asks more than one
    /// thing of who looks.
    init?(_ conditions: Conditions) {
        guard !conditions.isOfTime else { return nil }
        var keys: [CountKey] = []
        for condition in conditions.all + conditions.any where condition.asksWhoLooks {
            switch (condition.field, condition.test) {
            case (.assignee, .equals(.currentUser)): keys.append(.assignee)
            case (.requester, .equals(.currentUser)): keys.append(.requester)
            case (.group, .equals(.currentGroups)): keys.append(.group)
            default: return nil
            }
        }
        guard keys.count <= 1, !conditions.any.contains(where: \.asksWhoLooks) else { return nil }
        self = keys.first ?? .everybody
    }

    /// Whose a ticket is counted as; nil for nobody's.
    func subject(of ticket: Ticket) -> Int64? {
        switch self {
        case .everybody: 0
        case .assignee: ticket.assigneeID
        case .requester: ticket.requesterID
        case .group: ticket.groupID
        }
    }
}

extension Condition {
    var asksWhoLooks: Bool {
        switch test {
        case .equals(.currentUser), .differs(.currentUser), .equals(.currentGroups),
            .differs(.currentGroups):
            true
        default: false
        }
    }
}

extension Conditions {
    /// Whether a ticket is in a view, for whoever it is counted for.
    func includes(_ ticket: Ticket, now: Timestamp) -> Bool {
        guard ticket.deletedAt == nil else { return false }
        // Nobody looks: what asks who does is told by the key.
        let nobody = Principal(userID: 0, role: .agent)
        let subject = RuleSubject(
            ticket, before: ticket, updater: nobody, channel: ticket.channel, now: now)
        for condition in all where !condition.asksWhoLooks && !condition.holds(for: subject) {
            return false
        }
        return any.isEmpty || any.contains { $0.holds(for: subject) }
    }
}

enum ViewCounts {
    static let schema = """
        CREATE TABLE view_counts(
            tenant INTEGER NOT NULL, view_id INTEGER NOT NULL, subject INTEGER NOT NULL,
            count INTEGER NOT NULL, PRIMARY KEY (tenant, view_id, subject)
        ) STRICT, WITHOUT ROWID;
        """
    /// Tickets that are counted in one request.
    static let stepTickets = 2000
}

extension ShardTransaction {
    /// Follows a ticket into and out of the desk's views. Called with every change of a ticket's row.
    func countInViews(from old: Ticket?, to new: Ticket) throws {
        for view in try ruleBook().views where new.id <= view.countedThrough {
            guard let key = CountKey(view.conditions) else { continue }
            let before = old.flatMap {
                view.conditions.includes($0, now: now) ? key.subject(of: $0) : nil
            }
            let after = view.conditions.includes(new, now: now) ? key.subject(of: new) : nil
            guard before != after else { continue }
            if let before { try addToView(view.id, before, -1) }
            if let after { try addToView(view.id, after, 1) }
        }
    }

    private func addToView(_ view: Int64, _ subject: Int64, _ amount: Int64) throws {
        let changed = try run(
            "UPDATE view_counts SET count = count + ?4 WHERE tenant = ?1 AND view_id = ?2 AND subject = ?3",
            view, subject, amount)
        if changed == 0 {
            try run("INSERT INTO view_counts VALUES (?1, ?2, ?3, ?4)", view, subject, amount)
        }
    }

    func forgetCounts(ofView view: Int64) throws {
        try run("DELETE FROM view_counts WHERE tenant = ?1 AND view_id = ?2", view)
    }

    /// Counts a view's tickets anew, or goes on with it: as many as one request may look at.
    /// - Returns: whether all are counted.
    func countTickets(ofView id: Int64, anew: Bool) throws -> Bool {
        guard let view = try rule(.view, id) else { return true }
        guard let conditions = try? storedConditions(.view).compile(view.conditions),
            let key = CountKey(conditions)
        else {
            // There is nothing to keep: it is counted whenever it is asked for.
            try setCounted(id, through: .max)
            return true
        }
        if anew { try forgetCounts(ofView: id) }
        let start = anew ? 0 : view.countedThrough
        let tickets = try all(
            """
            SELECT \(Ticket.columns) FROM tickets WHERE tenant = ?1 AND id > ?2
            ORDER BY id LIMIT ?3
            """, start, ViewCounts.stepTickets, read: Ticket.init)
        var counts: [Int64: Int64] = [:]
        for ticket in tickets where conditions.includes(ticket, now: now) {
            if let subject = key.subject(of: ticket) { counts[subject, default: 0] += 1 }
        }
        for (subject, count) in counts.sorted(by: { $0.key < $1.key }) {
            try addToView(id, subject, count)
        }
        let isDone = tickets.count < ViewCounts.stepTickets
        try setCounted(id, through: isDone ? .max : tickets.last!.id)
        return isDone
    }

    private func setCounted(_ view: Int64, through ticket: Int64) throws {
        try run(
            "UPDATE rules SET counted_through = ?4 WHERE tenant = ?1 AND kind = ?2 AND id = ?3",
            RuleKind.view.rawValue, view, ticket)
        try restampRules()
    }

    /// Counts the views anew that look at a custom field: it went or came back, and with it what they hold.
    func recountViews(ofField field: Int64) throws {
        for view in try rules(.view)
        where (view.conditions.all + view.conditions.any).contains(where: {
            RuleField(name: $0.field) == .custom(field)
        }) {
            _ = try countTickets(ofView: view.id, anew: true)
        }
    }

    /// Goes on counting for views whose desk had too many tickets for one request.
    /// - Returns: how many steps were made.
    package func countViews() throws -> Int {
        guard let view = try rules(.view).first(where: \.isUncounted) else { return 0 }
        _ = try countTickets(ofView: view.id, anew: false)
        return 1
    }
}

extension ShardReader {
    /// Whether a change of a view, an automation or a schedule has left something to do: tickets that are not counted, or whose timers are
    /// not set.
    package func hasUnfinishedDefinitions() throws -> Bool {
        if try count(.ticketsToRecheck) != 0 { return true }
        // A desk without rules is not asked further.
        guard try count(.ruleStamp) != 0 else { return false }
        return try rules(.view).contains(where: \.isUncounted)
    }
}

extension Rule {
    fileprivate var isUncounted: Bool { isActive && countedThrough < Int64.max }
}
