import SQLite
import ShardStore
import Wire

/// What a ticket has to do with others, as far as the asker may see them.
package struct RelatedTickets: Sendable, Equatable {
    package let followupSourceIDs: [Int64]
    package let followupIDs: [Int64]
    /// How many incidents hang on it.
    package let incidents: Int64
    package let problemID: Int64?
    /// The ticket it was merged into.
    package let mergedInto: TicketMerge?
    /// What was merged into it, unless it was undone.
    package let merges: [TicketMerge]
    package let links: [TicketLink]
}

extension Desk {
    package func relatedTickets(of id: Int64) throws -> RelatedTickets {
        let ticket = try ticket(id)
        func seen(_ ids: [Int64]) throws -> [Int64] {
            try ids.filter { try visibleTicket($0) != nil }
        }
        func seen(_ id: Int64?) throws -> Int64? { try id.flatMap { try visibleTicket($0)?.id } }
        let merge = try standingMerge(of: id)
        return RelatedTickets(
            followupSourceIDs: try seen([ticket.followupSourceID].compactMap { $0 }),
            followupIDs: try seen(Array(ticket.followupIDs.suffix(100))),
            incidents: try incidentCount(id), problemID: try seen(ticket.problemID),
            mergedInto: try merge.flatMap { try visibleTicket($0.targetID) == nil ? nil : $0 },
            merges: try standingMerges(into: id, limit: 100).filter {
                try visibleTicket($0.sourceID) != nil
            }, links: try links(ofTicket: id).map(\.link))
    }
}
