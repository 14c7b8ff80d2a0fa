import SQLite
import ShardStore

/// Numbers kept at write time so that no request counts a table: how many tickets there are, how many of an organization,
/// the next ticket number.
///
/// One B-tree; a tenant's counters lie on one leaf.
package enum Counter: Equatable, Sendable {
    case nextTicket
    case tickets
    case deletedTickets
    case ticketsOfRequester(Int64)
    case ticketsOfAssignee(Int64)
    case ticketsOfOrganization(Int64)
    case users
    case usersOfRole(Role)
    case usersOfOrganization(Int64)
    case organizations
    case groups
    case groupMemberships
    case organizationMemberships
    case tags
    case unfinishedJobs
    case storedBytes
    /// Groups that assign by themselves.
    case automaticTeams
    /// New and open tickets: what takes an agent's capacity.
    case openTicketsOfAssignee(Int64)
    /// Groups whose waiting tickets have not all been looked at.
    case leftTeams
    /// Incidents that are not deleted.
    case incidentsOfProblem(Int64)
    /// No count, but the digest of what the desk defines; see `ShardTransaction.define`.
    case definitions
    /// No count, but a stamp of all that was ever said of rules; see `RuleBook`.
    case ruleStamp
    /// No counts: a stamp of all that was ever said of schedules, and when that was last, in milliseconds.
    case scheduleStamp
    case scheduleEditedAt
    /// No count, but the ticket from which on timers are to be set anew, plus 1; 0 when all are set.
    case ticketsToRecheck
    /// Of tickets that are not deleted, by the survey's state.
    case ratings(SatisfactionState)
    case npsAnswers(score: Int64)

    /// The key in the table. Numbers are stored: never reuse one.
    var key: (kind: Int64, subject: Int64) {
        switch self {
        case .nextTicket: (1, 0)
        case .tickets: (2, 0)
        case .deletedTickets: (3, 0)
        case .ticketsOfRequester(let id): (4, id)
        case .ticketsOfAssignee(let id): (5, id)
        case .ticketsOfOrganization(let id): (6, id)
        case .users: (11, 0)
        case .usersOfRole(let role): (12, role.rawValue)
        case .usersOfOrganization(let id): (13, id)
        case .organizations: (14, 0)
        case .groups: (15, 0)
        case .groupMemberships: (16, 0)
        case .organizationMemberships: (18, 0)
        case .tags: (19, 0)
        case .unfinishedJobs: (20, 0)
        case .storedBytes: (21, 0)
        case .automaticTeams: (40, 0)
        case .openTicketsOfAssignee(let id): (41, id)
        case .leftTeams: (42, 0)
        case .incidentsOfProblem(let id): (60, id)
        case .definitions: (30, 0)
        case .ruleStamp: (31, 0)
        case .scheduleStamp: (32, 0)
        case .scheduleEditedAt: (33, 0)
        case .ticketsToRecheck: (34, 0)
        case .ratings(let state): (50, state.rawValue)
        case .npsAnswers(let score): (51, score)
        }
    }
}

enum Counters {
    static let schema = """
        CREATE TABLE counters(
            tenant INTEGER NOT NULL, kind INTEGER NOT NULL, subject INTEGER NOT NULL,
            value INTEGER NOT NULL, PRIMARY KEY (tenant, kind, subject)
        ) STRICT, WITHOUT ROWID;
        """
}

extension ShardReader {
    /// A counter's value; 0 when nothing was ever counted.
    package func count(_ counter: Counter) throws -> Int64 {
        let (kind, subject) = counter.key
        return try first(
            "SELECT value FROM counters WHERE tenant = ?1 AND kind = ?2 AND subject = ?3", kind,
            subject
        ) { $0.int64(0) } ?? 0
    }
}

extension ShardTransaction {
    /// Adds to a counter and gives its new value.
    @discardableResult
    package func add(_ amount: Int64, to counter: Counter) throws -> Int64 {
        let (kind, subject) = counter.key
        let old = try first(
            "SELECT value FROM counters WHERE tenant = ?1 AND kind = ?2 AND subject = ?3", kind,
            subject
        ) { $0.int64(0) }
        let value = (old ?? 0) + amount
        if old == nil {
            try run("INSERT INTO counters VALUES (?1, ?2, ?3, ?4)", kind, subject, value)
        } else if amount != 0 {
            try run(
                "UPDATE counters SET value = ?4 WHERE tenant = ?1 AND kind = ?2 AND subject = ?3",
                kind, subject, value)
        }
        return value
    }

    /// Gives a counter a value that is no count: a digest of what it stands for.
    func set(_ counter: Counter, to value: Int64) throws {
        forgetWhatWasMade()
        let (kind, subject) = counter.key
        let changed = try run(
            "UPDATE counters SET value = ?4 WHERE tenant = ?1 AND kind = ?2 AND subject = ?3", kind,
            subject, value)
        if changed == 0 {
            try run("INSERT INTO counters VALUES (?1, ?2, ?3, ?4)", kind, subject, value)
        }
    }
}
