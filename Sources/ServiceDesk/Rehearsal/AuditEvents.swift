/// The events of an audit read back: what `EventList` writes.
struct AuditEvents {
    /// A field that was given a value.
    struct Change {
        let field: String
        let value: EventList.Payload
        /// Of a new ticket none.
        let previous: EventList.Payload
        /// The rule that gave it; nil for who made the change.
        let source: TriggerRun.Source?
    }

    struct Notification {
        let noticeID: Int64?
        let source: TriggerRun.Source?
    }

    private(set) var isCreation = false
    private(set) var changes: [Change] = []
    private(set) var notifications: [Notification] = []
    private(set) var failures: [TriggerRun.Failure] = []
    /// Whether there are events of other kinds: what is not about a field.
    private(set) var hasNotes = false

    init(_ audit: Audit) {
        for event in StoredJSON(audit.events)?.items ?? [] {
            let parts = event.items
            guard parts.count >= 2, let type = parts[0].string, let name = parts[1].string else {
                continue
            }
            switch type {
            case "Create":
                isCreation = true
                changes.append(
                    Change(
                        field: name, value: Self.payload(parts, 2), previous: .none,
                        source: Self.source(parts, from: 3)))
            case "Change":
                changes.append(
                    Change(
                        field: name, value: Self.payload(parts, 2),
                        previous: Self.payload(parts, 3), source: Self.source(parts, from: 4)))
            case "Notification":
                notifications.append(
                    Notification(
                        noticeID: parts.count > 4 ? parts[4].string.flatMap { Int64($0) } : nil,
                        source: Self.source(parts, from: 5)))
            case "Error":
                guard let source = Self.source(parts, from: 2) else { continue }
                failures.append(TriggerRun.Failure(source: source, reason: name))
            default: hasNotes = true
            }
        }
    }

    /// Whether the audit is only about something that no trigger looks at: a comment that became private.
    func isNote(_ audit: Audit) -> Bool {
        hasNotes && changes.isEmpty && audit.comment == nil
    }

    /// Every rule that the audit names, in the order of its events.
    var sources: [TriggerRun.Source] {
        var found: [TriggerRun.Source] = []
        let all =
            changes.map(\.source) + notifications.map(\.source) + failures.map { $0.source }
        for case let source? in all where !found.contains(source) { found.append(source) }
        return found
    }

    private static func payload(_ parts: [StoredJSON], _ place: Int) -> EventList.Payload {
        guard place < parts.count else { return .none }
        return switch parts[place] {
        case .text(let text): .text(text)
        case .list(let items): .list(items.compactMap(\.string))
        default: .none
        }
    }

    private static func source(_ parts: [StoredJSON], from place: Int) -> TriggerRun.Source? {
        guard parts.count == place + 3, let name = parts[place].string,
            let kind = RuleKind.allCases.first(where: { $0.name == name }),
            let id = parts[place + 1].string.flatMap({ Int64($0) }),
            let title = parts[place + 2].string
        else { return nil }
        return TriggerRun.Source(kind: kind, id: id, title: title)
    }
}

extension EventList.Payload {
    /// As one text; nil for a list.
    var text: String? { if case .text(let text) = self { text } else { nil } }
    var number: Int64? { text.flatMap { Int64($0) } }
    var items: [String] {
        switch self {
        case .none: []
        case .text(let text): [text]
        case .list(let items): items
        }
    }
}
