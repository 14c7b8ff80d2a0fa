import SQLite
package import Wire

/// One change of a ticket: who, when, how, and every field with its value before. Never edited afterwards, except that a
/// comment may become private or be redacted, which leaves its own event.
package struct Audit: Sendable, Equatable {
    package let id: Int64
    package let ticketID: Int64
    package let authorID: Int64
    package let createdAt: Timestamp
    /// The events besides the comment, as the JSON text that `EventList` writes.
    package let events: String
    package let channel: Via.Channel
    package let client: String?
    package let address: String?
    /// JSON text.
    package let metadata: String?
    package let comment: Comment?

    static let columns = """
        audits.id, audits.ticket_id, audits.author_id, audits.created_at, audits.events,
        audits.channel, audits.client, audits.address, audits.metadata, audits.comment_id,
        audits.comment_author_id, audits.comment_body, audits.comment_html, audits.comment_public,
        audits.attachments
        """

    init(_ row: Row) {
        id = row.int64(0)
        ticketID = row.int64(1)
        authorID = row.int64(2)
        createdAt = Timestamp(rawValue: row.int64(3))
        events = row.text(4)
        channel = Via.Channel(rawValue: row.int64(5)) ?? .api
        client = row.optionalText(6)
        address = row.optionalText(7)
        metadata = row.optionalText(8)
        comment = row.optionalInt64(9).map { id in
            Comment(
                id: id, authorID: row.int64(10), body: row.text(11), html: row.optionalText(12),
                isPublic: row.bool(13), attachments: row.optionalText(14))
        }
    }
}

/// One message on a ticket. Stored on its audit's row.
package struct Comment: Sendable, Equatable {
    package let id: Int64
    package let authorID: Int64
    package let body: String
    package let html: String?
    package let isPublic: Bool
    /// Its files, as the JSON text that `AttachmentList` writes.
    package let attachments: String?
}

/// A ticket with the audit its last write made; nil when nothing changed.
package struct TicketWrite: Sendable, Equatable {
    package let ticket: Ticket
    package let audit: Audit?
    /// What the ticket's fields mean.
    package let catalog: FieldCatalog
    /// Whether it has begun a job, which somebody has to tell the runner.
    package var startsJob = false
}

/// An event that is not about a field: what happened, and its number.
struct AuditMark: Sendable, Equatable {
    let type: String
    let value: String
    init(_ type: String, _ value: String) {
        self.type = type
        self.value = value
    }
}

/// The events of an audit as a JSON array of short arrays: `["Create", field, value]`, `["Change", field, value, previous]`.
///
/// What a rule did ends with its kind, number and title: `["Change", field, value, previous, "trigger", "8124", title]`. Values are
/// texts, lists of texts or null. An event's number is the audit's plus its place, so it costs nothing to store.
struct EventList {
    enum Payload: Equatable {
        case none
        case text(String)
        case list([String])

        init(_ number: Int64?) { self = number.map { .text(String($0)) } ?? .none }
        init(_ text: String?) { self = text.map(Payload.text) ?? .none }
        init(_ value: CustomValue?) {
            self =
                switch value {
                case nil: .none
                case .list(let items)?: .list(items)
                case .some(let one): .text(one.texts.first ?? "")
                }
        }
    }

    private(set) var json = "["
    private(set) var count = 0

    /// - Parameter source: the rule that gave the field its value; nil when it was who made the change.
    mutating func create(_ field: String, _ value: Payload, by source: TriggerRun.Source? = nil) {
        start("Create", field)
        append(value)
        append(source)
        json += "]"
    }

    mutating func change(
        _ field: String, _ value: Payload, from previous: Payload,
        by source: TriggerRun.Source? = nil
    ) {
        start("Change", field)
        append(value)
        append(previous)
        append(source)
        json += "]"
    }

    /// Something that a rule sent: `["Notification", kind, subject, recipients, its number, …]`.
    mutating func notice(_ notice: Notice, by source: TriggerRun.Source) {
        start("Notification", notice.kind.name)
        append(.text(notice.subject))
        append(.list(notice.recipientIDs.map(String.init)))
        append(.text(String(notice.id)))
        append(source)
        json += "]"
    }

    /// A rule that could not do what it says.
    mutating func failure(_ failure: TriggerRun.Failure) {
        start("Error", failure.reason)
        append(failure.source)
        json += "]"
    }

    /// An event that is not about a field's value.
    mutating func note(_ type: String, _ value: String, _ rest: [Payload] = []) {
        start(type, value)
        for part in rest { append(part) }
        json += "]"
    }

    mutating func add(_ marks: [AuditMark]) { for mark in marks { note(mark.type, mark.value) } }

    var text: String { json + "]" }
    var isEmpty: Bool { count == 0 }

    private mutating func start(_ type: String, _ field: String) {
        json += count == 0 ? "[\"" : ",[\""
        json += type
        json += "\","
        quote(field)
        count += 1
    }

    private mutating func append(_ source: TriggerRun.Source?) {
        guard let source else { return }
        append(.text(source.kindName))
        append(.text(String(source.id)))
        append(.text(source.title))
    }

    private mutating func append(_ value: Payload) {
        json += ","
        switch value {
        case .none: json += "null"
        case .text(let text): quote(text)
        case .list(let items):
            json += "["
            for (place, item) in items.enumerated() {
                if place > 0 { json += "," }
                quote(item)
            }
            json += "]"
        }
    }

    private mutating func quote(_ text: String) { json += JSONText.quoted(text) }
}
