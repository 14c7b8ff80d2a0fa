import SQLite
import ShardStore
import Wire

extension Desk {
    /// Who is on a ticket besides its requester, by number; people who have left the desk are not shown.
    package func watchers(ofTicket id: Int64, _ kinds: [WatcherKind], _ page: PageRequest) throws
        -> Page<User>
    {
        let ticket = try ticket(id)
        let there = try users(kinds.flatMap { ticket[watchers: $0] }).filter(\.isActive)
        return try Page.cut(there, page, "watcher") { [0, $0.id] }
    }

    /// Requests that the asker is copied on, newest first.
    package func copiedRequests(_ page: PageRequest) throws -> Page<Ticket> {
        try require(.list, .requests)
        return try requests(
            Self.watched(by: "?2", .copy), principal.userID, page)
    }

    /// The SQL condition of the tickets that somebody watches.
    static func watched(by user: String, _ kind: WatcherKind) -> String {
        """
        tickets.id IN (SELECT w.ticket_id FROM ticket_watchers w
        WHERE w.tenant = ?1 AND w.user_id = \(user) AND w.kind = \(kind.rawValue))
        """
    }
}

extension Desk where Rows == WritableRows {
    /// Puts people on a ticket and takes them off it, as a write asks. Who is on it already is not checked again: they may have left the
    /// desk since, and that must not hold up anybody else.
    func assignWatchers(_ changes: TicketChanges, to ticket: inout Ticket) throws {
        for kind in WatcherKind.allCases {
            let before = ticket[watchers: kind]
            var people = Set(
                (kind == .copy ? changes.emailCCIDs : changes.followerIDs) ?? before)
            for change in changes.watcherChanges where change.kind == kind {
                guard let id = try watcher(change) else { continue }
                if change.isRemoval { people.remove(id) } else { people.insert(id) }
            }
            let after = people.sorted()
            guard after != before else { continue }
            guard after.count <= WatcherKind.limit || after.count < before.count else {
                throw DeskRefusal.invalid(
                    kind.field, .tooLong,
                    "\(kind.label): at most \(WatcherKind.limit) are allowed")
            }
            for id in after where !before.contains(id) {
                _ = try requireUser(
                    id, atLeast: kind.role, field: kind.field, label: kind.label)
            }
            ticket[watchers: kind] = after
        }
    }

    /// Whom a change means; nil when there is nobody to take off. An unknown address that is to get copies becomes a new end user.
    private func watcher(_ change: WatcherChange) throws -> Int64? {
        guard case .address(let name, let email) = change.person else {
            if case .id(let id) = change.person { return id }
            return nil
        }
        let address = try Validation.email(email, change.kind.field)
        if let id = try Authenticator.userID(email: address, in: rows) { return id }
        if change.isRemoval { return nil }
        guard change.kind == .copy else {
            throw DeskRefusal.invalid(
                change.kind.field, .invalid,
                "\(change.kind.label): is not an agent of this desk")
        }
        var user = UserChanges()
        let local = address.split(separator: "@").first.map(String.init) ?? address
        user.name = name.map(Validation.trim).flatMap { $0.isEmpty ? nil : $0 } ?? local
        user.email = address
        return try insertUser(user, role: .endUser, agentLimit: 0).id
    }
}

extension ShardTransaction {
    /// Follows a ticket's row: who watches it, and which problem it hangs on. Called with every change of a ticket's row.
    func keepRelations(from old: Ticket?, to new: Ticket) throws {
        for kind in WatcherKind.allCases {
            let (before, after) = (old?[watchers: kind] ?? [], new[watchers: kind])
            guard before != after else { continue }
            for user in before where !after.contains(user) {
                try forgetWatcher(user, kind, new.id)
            }
            for user in after where !before.contains(user) {
                try run(
                    "INSERT INTO ticket_watchers VALUES (?1, ?2, ?3, ?4, NULL)", user,
                    kind.rawValue, new.id)
            }
        }
        try countIncidents(from: old, to: new)
    }

    private func forgetWatcher(_ user: Int64, _ kind: WatcherKind, _ ticket: Int64) throws {
        try run(
            """
            DELETE FROM ticket_watchers
            WHERE tenant = ?1 AND user_id = ?2 AND kind = ?3 AND ticket_id = ?4
            """, user, kind.rawValue, ticket)
    }

    /// Forgets what a ticket that is erased had to do with others and with people. Merges into it stay, as a reason why they
    /// cannot be undone.
    func forgetRelations(ofErased ticket: Ticket) throws {
        for kind in WatcherKind.allCases {
            for user in ticket[watchers: kind] { try forgetWatcher(user, kind, ticket.id) }
        }
        try run("DELETE FROM ticket_merges WHERE tenant = ?1 AND source_id = ?2", ticket.id)
        try run("DELETE FROM ticket_splits WHERE tenant = ?1 AND ticket_id = ?2", ticket.id)
        for link in try links(ofTicket: ticket.id) { try remove(link) }
    }
}
