import SQLite
import ShardStore
package import Wire

/// Something that is to leave the desk: a mail or a call of a webhook. It is kept in the transaction that caused it, and delivered later:
/// once for all, in the order of its ticket.
package struct Notice: Sendable, Equatable {
    package enum Kind: Int64, Sendable {
        case mail = 1
        case webhook = 2
        package var name: String { self == .mail ? "mail" : "webhook" }
    }

    package enum State: Int64, Sendable, CaseIterable {
        case queued = 0
        case sent = 1
        /// It will not be tried again by itself.
        case failed = 2
        case cancelled = 3
        package var name: String {
            switch self {
            case .queued: "queued"
            case .sent: "sent"
            case .failed: "failed"
            case .cancelled: "cancelled"
            }
        }
        package init?(name: String) {
            guard let state = State.allCases.first(where: { $0.name == name }) else { return nil }
            self = state
        }
    }

    package let id: Int64
    package var state: State
    package var attempts: Int64
    package var nextAttemptAt: Timestamp
    package var failure: String?
    package let ticketID: Int64
    package let kind: Kind
    /// The rule that caused it.
    package let ruleID: Int64
    /// Users of the desk it goes to.
    package let recipientIDs: [Int64]
    /// Of a webhook.
    package let target: String?
    package let subject: String
    package var body: String
    package let createdAt: Timestamp
    package var updatedAt: Timestamp
    /// What it offers; known until it is kept.
    var survey: SurveyOffer?

    static let columns = """
        id, state, attempts, next_attempt_at, failure, ticket_id, kind, rule_id, recipient_ids, target,
        subject, body, created_at, updated_at
        """

    static let schema = """
        CREATE TABLE notices(
            tenant INTEGER NOT NULL, id INTEGER NOT NULL, state INTEGER NOT NULL,
            attempts INTEGER NOT NULL, next_attempt_at INTEGER NOT NULL, failure TEXT,
            ticket_id INTEGER NOT NULL, kind INTEGER NOT NULL, rule_id INTEGER NOT NULL,
            recipient_ids TEXT NOT NULL, target TEXT, subject TEXT NOT NULL, body TEXT NOT NULL,
            created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        -- What is to be delivered next; a ticket's notices in their order.
        CREATE INDEX notices_queued ON notices(tenant, next_attempt_at, id) WHERE state = 0;
        -- notices?ticket_id=; whether an earlier one of the ticket still waits.
        CREATE INDEX notices_by_ticket ON notices(tenant, ticket_id, id);
        """

    init(
        id: Int64, ticketID: Int64, kind: Kind, ruleID: Int64, recipientIDs: [Int64],
        target: String?, subject: String, body: String, now: Timestamp
    ) {
        self.id = id
        state = .queued
        attempts = 0
        nextAttemptAt = now
        failure = nil
        self.ticketID = ticketID
        self.kind = kind
        self.ruleID = ruleID
        self.recipientIDs = recipientIDs
        self.target = target
        self.subject = subject
        self.body = body
        createdAt = now
        updatedAt = now
    }

    init(_ row: Row) {
        id = row.int64(0)
        state = State(rawValue: row.int64(1)) ?? .failed
        attempts = row.int64(2)
        nextAttemptAt = Timestamp(rawValue: row.int64(3))
        failure = row.optionalText(4)
        ticketID = row.int64(5)
        kind = Kind(rawValue: row.int64(6)) ?? .mail
        ruleID = row.int64(7)
        recipientIDs = IDList.split(row.text(8))
        target = row.optionalText(9)
        subject = row.text(10)
        body = row.text(11)
        createdAt = Timestamp(rawValue: row.int64(12))
        updatedAt = Timestamp(rawValue: row.int64(13))
    }
}

extension Desk {
    /// What leaves, or left, the desk, newest first.
    package func notices(ofTicket ticket: Int64?, state: Notice.State?, _ page: PageRequest) throws
        -> Page<Notice>
    {
        try require(.list, .notices)
        var conditions = ["1"]
        var values: [any Bindable] = []
        if let ticket {
            values.append(ticket)
            conditions.append("ticket_id = ?\(values.count + 1)")
        }
        if let state {
            values.append(state.rawValue)
            conditions.append("state = ?\(values.count + 1)")
        }
        let scope = Authorization.ticketScope(principal)
        if scope != .all {
            // It says what is on the ticket.
            conditions.append(
                "EXISTS (SELECT 1 FROM tickets WHERE tickets.tenant = ?1 AND tickets.id = notices.ticket_id AND \(scope.condition))"
            )
        }
        let condition = conditions.joined(separator: " AND ")
        return try rows.page(
            PagedQuery(
                columns: Notice.columns, source: "notices", condition: condition, values: values,
                order: PageOrder("notice", ["notices.id"], descending: true)),
            page,
            count: {
                // As far as offset pages reach.
                try rows.first(
                    "SELECT count(*) FROM (SELECT 1 FROM notices WHERE tenant = ?1 AND \(condition) LIMIT 10001)",
                    values: values
                ) { $0.int64(0) } ?? 0
            }, read: { shown(Notice($0)) })
    }

    package func notice(_ id: Int64) throws -> Notice {
        try require(.read, .notices)
        guard let notice = try findNotice(id), let ticket = try findTicket(notice.ticketID) else {
            throw DeskRefusal.notFound
        }
        try require(.read, .ticket(ticket.facts))
        return shown(notice)
    }

    private func findNotice(_ id: Int64) throws -> Notice? {
        try rows.first(
            "SELECT \(Notice.columns) FROM notices WHERE tenant = ?1 AND id = ?2", id,
            read: Notice.init)
    }
}

extension Desk where Rows == WritableRows {
    /// Puts notices into the outbox, in their order.
    func keep(_ notices: [Notice]) throws {
        for notice in notices {
            try rows.run(
                """
                INSERT INTO notices (tenant, \(Notice.columns))
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
                """, notice.id, notice.state.rawValue, notice.attempts,
                notice.nextAttemptAt.milliseconds, notice.failure, notice.ticketID,
                notice.kind.rawValue, notice.ruleID, IDList.join(notice.recipientIDs),
                notice.target, notice.subject, notice.body, notice.createdAt.milliseconds,
                notice.updatedAt.milliseconds)
            try keepOffer(of: notice)
        }
    }

    /// Tries a failed or cancelled notice again, or takes a queued one back.
    package func setNotice(_ id: Int64, _ state: Notice.State) throws -> Notice {
        try require(.update, .notices)
        let notice = try notice(id)
        guard state == .queued || state == .cancelled else {
            throw DeskRefusal.invalid(
                "state", .notAllowed, "State: can be set to queued or cancelled")
        }
        guard notice.state != .sent else {
            throw DeskRefusal.invalid("state", .notAllowed, "State: what was sent is on its way")
        }
        try rows.run(
            """
            UPDATE notices SET state = ?3, next_attempt_at = ?4, updated_at = ?4
            WHERE tenant = ?1 AND id = ?2
            """, id, state.rawValue, now.milliseconds)
        return try self.notice(id)
    }
}
