package import Wire

/// A ticket with all that happened to it, from another desk.
package struct TicketHistory: Sendable, Equatable {
    /// One message of it.
    package struct Message: Sendable, Equatable {
        /// Nil for whoever imports.
        package let authorID: Int64?
        package let draft: CommentDraft
        package let createdAt: Timestamp
        package init(authorID: Int64?, draft: CommentDraft, createdAt: Timestamp) {
            self.authorID = authorID
            self.draft = draft
            self.createdAt = createdAt
        }
    }

    /// Messages of one ticket.
    package static let messageLimit = 500

    /// The ticket's fields; its comment is not looked at.
    package var changes: TicketChanges
    package var messages: [Message]
    package var createdAt: Timestamp
    package var updatedAt: Timestamp?
    package var solvedAt: Timestamp?
    package init(changes: TicketChanges, messages: [Message], createdAt: Timestamp) {
        self.changes = changes
        self.messages = messages
        self.createdAt = createdAt
    }
}
