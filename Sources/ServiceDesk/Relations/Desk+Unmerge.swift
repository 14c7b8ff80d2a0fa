import SQLite
import ShardStore
import Wire

extension Desk where Rows == WritableRows {
    /// Undoes the merge that closed a ticket.
    ///
    /// The ticket gets everything back that the merge changed: status, tags, clocks and measurements are as if it had never been closed. It
    /// is the one way out of `closed`. People who get copies of the target only for its sake get none any more. The comments of
    /// the merge stay on both, an event on both says that it was undone, and whatever happened on the target since stays.
    package func unmergeTicket(_ id: Int64) throws -> Ticket {
        let source = try changeableTicket(id)
        guard let merge = try standingMerge(of: id) else {
            throw refusal("the ticket is not merged into another one")
        }
        let target = try undoableTarget(of: merge)
        var restored = try ticket(merge.changes.undone(in: source.columnValues))
        // A merge is silent about surveys.
        restored.satisfaction = source.satisfaction
        try leaveWhatIsGone(&restored)
        var events = EventList()
        recordChanges(from: source, to: restored, by: [:], in: &events)
        events.note("Unmerge", String(merge.id))
        let calendar = try rows.calendars().calendar(of: restored)
        try note(
            events, on: source, restored,
            clockEvents: restored.clocks.goingOn(at: now, calendar: calendar))
        try recount(from: source, to: restored)
        try takeBack(merge, from: target)
        try rows.run(
            """
            UPDATE ticket_merges SET undone_at = ?4, undone_by = ?5
            WHERE tenant = ?1 AND source_id = ?2 AND id = ?3
            """, id, merge.id, now.milliseconds, principal.userID)
        return try findTicket(id)!
    }

    private func refusal(_ text: String) -> DeskRefusal {
        .invalid("base", .notAllowed, "Merge: \(text)")
    }

    private func undoableTarget(of merge: TicketMerge) throws -> Ticket {
        guard let target = try findTicket(merge.targetID) else {
            throw refusal("cannot be undone, the ticket it went into was erased")
        }
        guard Authorization.decide(principal, .update, .ticket(target.facts)) == .allow else {
            throw DeskRefusal.forbidden(
                "The ticket it was merged into is not yours to change")
        }
        guard target.deletedAt == nil else {
            throw refusal("cannot be undone, the ticket it went into is deleted; restore it first")
        }
        guard try standingMerge(of: target.id) == nil else {
            throw refusal(
                "cannot be undone, the ticket it went into was merged too; undo that first")
        }
        guard now.milliseconds - merge.mergedAt.milliseconds <= TicketMerge.undoMilliseconds else {
            let days = TicketMerge.undoMilliseconds / 86_400_000
            throw refusal("can be undone for \(days) days only")
        }
        return target
    }

    /// A ticket of a row's values.
    private func ticket(_ values: [Value]) throws -> Ticket {
        // What else is selected of a ticket is not of its row.
        let places =
            (values.indices.map { "?\($0 + 2)" }
            + TicketSatisfaction.ratingColumns.map { _ in "NULL" }).joined(separator: ", ")
        return try rows.first(
            "SELECT \(places) WHERE ?1 IS NOT NULL", values: values, read: Ticket.init)!
    }

    /// Of what the ticket had, only that which the desk still has.
    private func leaveWhatIsGone(_ ticket: inout Ticket) throws {
        let catalog = try rows.catalog()
        if ticket.status < .solved { try leaveToThoseWhoAreThere(&ticket) }
        if let status = ticket.chosenStatusID, catalog.status(status) == nil {
            ticket.chosenStatusID = nil
        }
        if let form = ticket.formID, catalog.form(form) == nil { ticket.formID = nil }
    }

    /// Ends the copies that only the merge was the reason for. Who is there for another merge's sake as well stays for that one's.
    private func takeBack(_ merge: TicketMerge, from target: Ticket) throws {
        let others = try standingMerges(into: target.id).filter { $0.id != merge.id }
        var changed = target
        for user in merge.people where target.emailCCIDs.contains(user) {
            let reason = try rows.first(
                """
                SELECT merge_id FROM ticket_watchers
                WHERE tenant = ?1 AND user_id = ?2 AND kind = 1 AND ticket_id = ?3
                """, user, target.id
            ) { $0.optionalInt64(0) }
            guard reason == .some(merge.id) else { continue }
            if let other = others.first(where: { $0.people.contains(user) }) {
                try rows.run(
                    """
                    UPDATE ticket_watchers SET merge_id = ?4
                    WHERE tenant = ?1 AND user_id = ?2 AND kind = 1 AND ticket_id = ?3
                    """, user, target.id, other.id)
            } else {
                changed.emailCCIDs.removeAll { $0 == user }
            }
        }
        var events = EventList()
        recordChanges(from: target, to: changed, by: [:], in: &events)
        events.note("Unmerge", String(merge.id))
        try note(events, on: target, changed)
    }
}
