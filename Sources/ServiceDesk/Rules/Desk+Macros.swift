import ShardStore
import Wire

/// What a macro would do to a ticket. Nothing is done until the agent sends it as an update.
package struct MacroPreview: Sendable {
    /// The ticket as it would be; nil when the macro was looked at without one.
    package let ticket: Ticket?
    /// The fields it sets, by the names of actions, with what they would be.
    package let actions: [ActionText]
    /// The comment's text, with its places filled in.
    package let comment: String?
    package let commentIsPublic: Bool
}

extension Desk where Rows == WritableRows {
    /// - Parameter ticket: nil for what the macro says by itself.
    package func previewMacro(_ id: Int64, on ticket: Int64?) throws -> MacroPreview {
        let macro = try rule(.macro, id)
        let actions = try actionCompiler(.macro).compile(macro.actions)
        var found: Ticket?
        if let ticket {
            guard let known = try findTicket(ticket), known.deletedAt == nil else {
                throw DeskRefusal.notFound
            }
            try require(.read, .ticket(known.facts))
            found = known
        }
        var comment: String?
        var isPublic = !principal.onlyPrivateComments
        var notices: [Notice] = []
        let source = TriggerRun.Source(kind: .macro, id: macro.id, title: macro.title)
        for action in actions {
            switch action {
            case .comment(let template):
                comment = try found.map { try filled(template, $0, nil) } ?? template.text
            case .commentIsPublic(let flag): isPublic = flag && !principal.onlyPrivateComments
            default:
                guard var ticket = found else { continue }
                try perform(action, source, on: &ticket, nil, &notices)
                found = ticket
            }
        }
        return MacroPreview(
            ticket: found, actions: macro.actions, comment: comment, commentIsPublic: isPublic)
    }
}
