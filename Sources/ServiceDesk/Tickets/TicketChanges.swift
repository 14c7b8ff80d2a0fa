package import Wire

/// What a request wants of a ticket, new or old. Nil leaves a field as it is; `.some(nil)` clears it.
package struct TicketChanges: Sendable, Equatable {
    package var subject: String?
    package var status: TicketStatus?
    package var customStatusID: Int64?
    package var priority: TicketPriority??
    package var type: TicketType??
    package var requester: RequesterReference?
    package var submitterID: Int64?
    package var assigneeID: Int64??
    package var assigneeEmail: String?
    package var groupID: Int64??
    package var organizationID: Int64??
    package var externalID: String??
    package var problemID: Int64??
    package var dueAt: Timestamp??
    package var tags: [String]?
    package var additionalTags: [String] = []
    package var removedTags: [String] = []
    /// Of custom fields; of two changes of one field the last counts.
    package var fields: [FieldChange] = []
    package var formID: Int64??
    /// All that the ticket needs.
    package var skillIDs: [String]?
    package var followerIDs: [Int64]?
    package var emailCCIDs: [Int64]?
    /// People to put on the ticket and to take off it, one by one.
    package var watcherChanges: [WatcherChange] = []
    package var comment: CommentDraft?
    /// Of a new ticket: the closed ticket it continues.
    package var followupSourceID: Int64?
    /// The asker's own words about the change, as JSON text; kept on the audit.
    package var metadata: String?
    /// Events that the audit gets besides those of the fields.
    var marks: [AuditMark] = []
    /// With `updatedStamp`: refuse when the ticket changed since.
    package var isSafe = false
    package var updatedStamp: Timestamp?
    /// What its requester says of how it was solved.
    var satisfaction: TicketSatisfaction?
    /// The group whose turn it was to assign the ticket.
    var assigner: TriggerRun.Source?
    package init() {}
}

/// Who asks, by number or by address; an unknown address becomes a new end user.
package enum RequesterReference: Sendable, Equatable {
    case id(Int64)
    case address(name: String?, email: String)
}

/// A comment to be added.
package struct CommentDraft: Sendable, Equatable {
    package var body: String
    /// As the client sent it; shown only after the page that shows it has made it safe.
    package var html: String?
    package var isPublic: Bool?
    package var authorID: Int64?
    /// SHA-256 of the tokens of the uploads whose files it takes.
    package var uploads: [[UInt8]] = []
    /// Files of other comments that it takes along.
    var carried: [CarriedFile] = []
    package init(body: String, html: String? = nil, isPublic: Bool? = nil, authorID: Int64? = nil) {
        self.body = body
        self.html = html
        self.isPublic = isPublic
        self.authorID = authorID
    }
}

/// What to do with a list of tags.
package enum TagChange: Sendable { case set, add, remove }
