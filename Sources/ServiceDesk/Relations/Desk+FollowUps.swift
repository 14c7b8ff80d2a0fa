import ShardStore
import Wire

extension Desk where Rows == WritableRows {
    /// What a follow-up has of the closed ticket it continues: fields, tags and who is on it. What the request itself says of these comes
    /// after, and counts.
    func inherit(_ source: Ticket, into ticket: inout Ticket) throws {
        ticket.tags = source.tags.filter { $0 != MergeRequest.tag }
        ticket.customFields = source.customFields
        ticket.formID = source.formID
        ticket.priority = source.priority
        // A problem is continued by its incidents, not by another problem.
        ticket.type = source.type == .problem ? nil : source.type
        let requester = ticket.requesterID
        for kind in WatcherKind.allCases {
            ticket[watchers: kind] = try source[watchers: kind].filter { id in
                guard id != requester, let user = try findUser(id), user.isActive else {
                    return false
                }
                return user.role >= kind.role
            }
        }
    }

    /// Whose a follow-up is that an agent makes without saying whose: who asked for the closed ticket, if they are still there.
    func requesterOfFollowUp(_ source: Ticket?) throws -> RequesterReference? {
        guard let source, principal.role.isStaff,
            try findUser(source.requesterID)?.isActive == true
        else { return nil }
        return .id(source.requesterID)
    }
}
