import Synchronization
import Wire

/// Who looks at which ticket now, and who is writing: what tells agents of each other before they answer the same customer.
///
/// It says, and holds nobody up: no write asks it. It is kept in the memory of the node that leads the tenant's shard and nowhere else, so that a
/// heartbeat costs no log entry and no sync. With the leader it is gone; the next heartbeats, seconds later, say it to the new one.
final class PresenceBoard: Sendable {
    enum State: String, Sendable, CaseIterable { case viewing, typing }

    /// Somebody at a ticket.
    struct Person: Sendable, Equatable {
        let userID: Int64
        let name: String
        let state: State
        /// When they began to do what they do.
        let since: Timestamp
    }

    struct Limits {
        var ticketsPerPerson = 50
        var perTenant = 10_000
        var perNode = 200_000
    }

    /// Without another heartbeat somebody is gone after this.
    static let lifetimeSeconds: Int64 = 20

    fileprivate struct Entry {
        let person: Person
        let until: Timestamp
        /// When the queue looks at it.
        var dueAt: Timestamp
    }

    fileprivate struct Place: Hashable {
        let tenant: TenantID
        let ticket: Int64
        let user: Int64
    }

    fileprivate struct Tenant {
        var tickets: [Int64: [Int64: Entry]] = [:]
        var ticketsOf: [Int64: Int] = [:]
        var count = 0
    }

    fileprivate struct Board {
        var tenants: [TenantID: Tenant] = [:]
        var count = 0
        /// Every entry, to be looked at when it would have been over when it was put here. So each heartbeat clears away what a few before it
        /// left, and nothing walks through all but where there is no room.
        var due: [(place: Place, at: Timestamp)] = []
        var firstDue = 0
    }

    private let limits: Limits
    private let board = Mutex(Board())

    init(limits: Limits = Limits()) { self.limits = limits }

    /// Notes that somebody is at a ticket.
    /// - Returns: false when there is no room, which is their own doing or a flood.
    func announce(
        _ tenant: TenantID, ticket: Int64, user: Int64, name: String, _ state: State,
        now: Timestamp
    ) -> Bool {
        let place = Place(tenant: tenant, ticket: ticket, user: user)
        let until = now.advanced(byMilliseconds: Self.lifetimeSeconds * 1000)
        return board.withLock { board in
            board.clear(atMost: 4, now: now)
            let known = board[place]
            var since = now
            if let known, known.until > now, known.person.state == state {
                since = known.person.since
            }
            if known == nil {
                if !board.hasRoom(for: place, limits) { board.clear(atMost: .max, now: now) }
                guard board.hasRoom(for: place, limits) else { return false }
                board.due.append((place, until))
            }
            board[place] = Entry(
                person: Person(userID: user, name: name, state: state, since: since), until: until,
                dueAt: known?.dueAt ?? until)
            return true
        }
    }

    /// Somebody has left a ticket.
    func leave(_ tenant: TenantID, ticket: Int64, user: Int64) {
        let place = Place(tenant: tenant, ticket: ticket, user: user)
        board.withLock { $0[place] = nil }
    }

    /// Who is at a ticket, by number.
    func people(_ tenant: TenantID, ticket: Int64, now: Timestamp) -> [Person] {
        board.withLock { board in
            let entries = board.tenants[tenant]?.tickets[ticket] ?? [:]
            return entries.values.filter { $0.until > now }.map(\.person)
        }.sorted { $0.userID < $1.userID }
    }

    /// Entries in memory, those that are over included.
    var count: Int { board.withLock { $0.count } }
}

extension PresenceBoard.Board {
    fileprivate subscript(_ place: PresenceBoard.Place) -> PresenceBoard.Entry? {
        get { tenants[place.tenant]?.tickets[place.ticket]?[place.user] }
        set {
            let change = (newValue == nil ? 0 : 1) - (self[place] == nil ? 0 : 1)
            tenants[place.tenant, default: .init()].set(newValue, place, change)
            count += change
            if tenants[place.tenant]?.count == 0 { tenants[place.tenant] = nil }
        }
    }

    fileprivate func hasRoom(for place: PresenceBoard.Place, _ limits: PresenceBoard.Limits)
        -> Bool
    {
        let tenant = tenants[place.tenant]
        return count < limits.perNode && (tenant?.count ?? 0) < limits.perTenant
            && (tenant?.ticketsOf[place.user] ?? 0) < limits.ticketsPerPerson
    }

    /// Forgets what is over, as far as it stands in front of the queue. What was said again meanwhile goes to the queue's end.
    fileprivate mutating func clear(atMost limit: Int, now: Timestamp) {
        var left = min(limit, due.count - firstDue)
        while left > 0, due[firstDue].at <= now {
            let place = due[firstDue].place
            firstDue += 1
            left -= 1
            // Of who left and came back the newest counts.
            guard var entry = self[place], entry.dueAt == due[firstDue - 1].at else { continue }
            if entry.until <= now {
                self[place] = nil
            } else {
                entry.dueAt = entry.until
                due.append((place, entry.until))
                self[place] = entry
            }
        }
        if firstDue > 1000, firstDue > due.count / 2 {
            due.removeFirst(firstDue)
            firstDue = 0
        }
    }
}

extension PresenceBoard.Tenant {
    fileprivate mutating func set(
        _ entry: PresenceBoard.Entry?, _ place: PresenceBoard.Place, _ change: Int
    ) {
        tickets[place.ticket, default: [:]][place.user] = entry
        if tickets[place.ticket]?.isEmpty == true { tickets[place.ticket] = nil }
        guard change != 0 else { return }
        count += change
        ticketsOf[place.user, default: 0] += change
        if ticketsOf[place.user] == 0 { ticketsOf[place.user] = nil }
    }
}
