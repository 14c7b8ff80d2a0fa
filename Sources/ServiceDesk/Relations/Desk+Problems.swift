import SQLite
import ShardStore
import Wire

extension Desk {
    /// Problems looked at for one completion, the newest.
    private static var completionLimit: Int { 1000 }

    /// Unclosed problems whose subject has the text in it, newest first: what an incident may be linked to.
    package func problems(containing text: String) throws -> [Ticket] {
        try require(.list, .tickets)
        let text = Validation.trim(text).lowercased()
        guard text.utf8.count <= 512 else {
            throw DeskRefusal.invalid(
                "text", .tooLong, "Text: is too long (maximum is 512 bytes)")
        }
        let subjects = try rows.all(
            """
            SELECT tickets.id, tickets.subject FROM tickets INDEXED BY tickets_problems
            WHERE tickets.tenant = ?1 AND tickets.type = 2 AND tickets.status < 5
            AND tickets.deleted_at IS NULL AND \(Authorization.ticketScope(principal).condition)
            ORDER BY tickets.id DESC LIMIT ?2
            """, Self.completionLimit
        ) { (id: $0.int64(0), subject: $0.text(1)) }
        return try subjects.filter { text.isEmpty || $0.subject.lowercased().contains(text) }
            .prefix(25).compactMap { try findTicket($0.id) }
    }

    /// How many incidents a problem has that the asker may see.
    func incidentCount(_ id: Int64) throws -> Int64 { try ticketCount(.incidents(of: id)) }
}

extension Desk where Rows == WritableRows {
    /// Hangs a ticket on a problem, or takes it off. Only an incident hangs on one: what is no incident any more is taken off, and a problem
    /// stays one while incidents hang on it.
    func assignProblem(_ changes: TicketChanges, to ticket: inout Ticket) throws {
        if ticket.hasIncidents && ticket.type != .problem {
            throw DeskRefusal.invalid(
                "type", .notAllowed,
                "Type: incidents hang on this problem; link them to another one first")
        }
        let wanted = changes.problemID ?? ticket.problemID
        guard ticket.type == .incident else {
            guard (changes.problemID ?? nil) == nil else {
                throw DeskRefusal.invalid(
                    "problem_id", .notAllowed,
                    "Problem: only an incident can have one; set its type to incident")
            }
            ticket.problemID = nil
            return
        }
        if let wanted, wanted != ticket.problemID {
            // One that the asker may not see is answered like one that does not exist.
            guard let problem = try findTicket(wanted), problem.type == .problem,
                problem.deletedAt == nil,
                Authorization.decide(principal, .read, .ticket(problem.facts)) == .allow
            else {
                throw DeskRefusal.invalid(
                    "problem_id", .invalid, "Problem: is not a problem ticket")
            }
        }
        ticket.problemID = wanted
    }
}

extension ShardTransaction {
    /// Counts a problem's incidents as they come and go. Its row changes only with the first and the last: ten thousand of them do not write it
    /// ten thousand times.
    func countIncidents(from old: Ticket?, to new: Ticket) throws {
        func problem(_ ticket: Ticket?) -> Int64? {
            ticket.flatMap { $0.deletedAt == nil ? $0.problemID : nil }
        }
        let (before, after) = (problem(old), problem(new))
        guard before != after else { return }
        if let before, try add(-1, to: .incidentsOfProblem(before)) == 0 {
            try setHasIncidents(before, false)
        }
        if let after, try add(1, to: .incidentsOfProblem(after)) == 1 {
            try setHasIncidents(after, true)
        }
    }

    private func setHasIncidents(_ problem: Int64, _ flag: Bool) throws {
        try run(
            """
            UPDATE tickets SET has_incidents = ?3, version = version + 1
            WHERE tenant = ?1 AND id = ?2
            """, problem, flag)
    }
}
