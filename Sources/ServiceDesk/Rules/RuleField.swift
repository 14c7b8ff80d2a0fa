/// What a condition looks at.
enum RuleField: Hashable, Sendable {
    // Of the ticket, with one value each, which may have changed.
    case status, priority, type, group, assignee, requester, organization, problem
    case customStatus, form
    case reopens, replies, assigneeStations, groupStations
    case satisfaction, satisfactionReason
    case custom(Int64)
    // Of the ticket, without a value before.
    case tags, subject, description, channel, isPublic
    case hours(Moment)
    // Of the update that a trigger looks at.
    case updateType, updater, updateChannel, comment, commentIsPublic
    case isWorkingTime

    /// A moment in a ticket's life from which, or to which, hours are counted.
    enum Moment: Hashable, Sendable, CaseIterable {
        case created, updated, assigned, requesterUpdated, assigneeUpdated
        case becameNew, becameOpen, becamePending, becameHold, becameSolved, becameClosed
        case due, untilDue
        /// The last broken promise of an SLA policy, and the next one.
        case breached, untilBreach
    }
}

extension RuleField {
    private static let names: [String: RuleField] = {
        var names: [String: RuleField] = [
            "status": .status, "priority": .priority, "type": .type, "group_id": .group,
            "assignee_id": .assignee, "requester_id": .requester,
            "organization_id": .organization, "problem_id": .problem,
            "custom_status_id": .customStatus, "ticket_form_id": .form, "reopens": .reopens,
            "replies": .replies, "agent_stations": .assigneeStations,
            "group_stations": .groupStations, "current_tags": .tags,
            "subject_includes_word": .subject, "description_includes_word": .description,
            "via_id": .channel, "ticket_is_public": .isPublic, "update_type": .updateType,
            "role": .updater, "current_via_id": .updateChannel, "comment_includes_word": .comment,
            "comment_is_public": .commentIsPublic, "in_business_hours": .isWorkingTime,
            "satisfaction_score": .satisfaction, "satisfaction_reason_code": .satisfactionReason,
        ]
        for (name, moment) in moments { names[name] = .hours(moment) }
        return names
    }()

    private static let moments: [String: Moment] = [
        "created_at": .created, "updated_at": .updated, "assigned_at": .assigned,
        "requester_updated_at": .requesterUpdated, "assignee_updated_at": .assigneeUpdated,
        "NEW": .becameNew, "OPEN": .becameOpen, "PENDING": .becamePending, "HOLD": .becameHold,
        "SOLVED": .becameSolved, "CLOSED": .becameClosed, "due_date": .due,
        "until_due_date": .untilDue, "sla_next_breach_at": .breached,
        "until_sla_next_breach_at": .untilBreach,
    ]

    private static let customPrefix = "custom_fields_"

    init?(name: String) {
        if let field = Self.names[name] {
            self = field
        } else if name.hasPrefix(Self.customPrefix),
            let id = Int64(name.dropFirst(Self.customPrefix.count)), id > 0
        {
            self = .custom(id)
        } else {
            return nil
        }
    }

    /// All names but those of custom fields, in order.
    static let allNames = names.keys.sorted()

    /// What it has to do with time: such a condition comes true without anybody touching the ticket.
    var isOfTime: Bool {
        switch self {
        case .hours, .isWorkingTime: true
        default: false
        }
    }

    /// Whether only an update has it.
    var isOfUpdate: Bool {
        switch self {
        case .updateType, .updater, .updateChannel, .comment, .commentIsPublic: true
        default: false
        }
    }

    /// Its bit among the fields that an update may change; custom fields share one, and what cannot be asked for changes has none.
    var changeBit: ChangedFields {
        switch self {
        case .status: .status
        case .priority: .priority
        case .type: .type
        case .group: .group
        case .assignee: .assignee
        case .requester: .requester
        case .organization: .organization
        case .problem: .problem
        case .customStatus: .customStatus
        case .form: .form
        case .custom: .custom
        case .satisfaction, .satisfactionReason: .satisfaction
        default: []
        }
    }
}

/// Which fields an update has changed: what triggers are indexed by.
struct ChangedFields: OptionSet, Sendable {
    let rawValue: UInt32
    static let status = ChangedFields(rawValue: 1 << 0)
    static let priority = ChangedFields(rawValue: 1 << 1)
    static let type = ChangedFields(rawValue: 1 << 2)
    static let group = ChangedFields(rawValue: 1 << 3)
    static let assignee = ChangedFields(rawValue: 1 << 4)
    static let requester = ChangedFields(rawValue: 1 << 5)
    static let organization = ChangedFields(rawValue: 1 << 6)
    static let problem = ChangedFields(rawValue: 1 << 7)
    static let customStatus = ChangedFields(rawValue: 1 << 8)
    static let form = ChangedFields(rawValue: 1 << 9)
    static let custom = ChangedFields(rawValue: 1 << 10)
    /// The ticket is new.
    static let creation = ChangedFields(rawValue: 1 << 11)
    static let comment = ChangedFields(rawValue: 1 << 12)
    static let satisfaction = ChangedFields(rawValue: 1 << 20)

    /// What is different between two states of a ticket; of a new one all that it has.
    init(from old: Ticket?, to new: Ticket, hasComment: Bool) {
        var fields: ChangedFields = hasComment ? .comment : []
        func look<Value: Equatable>(_ bit: ChangedFields, _ value: (Ticket) -> Value?) {
            if old.flatMap(value) != value(new) { fields.insert(bit) }
        }
        if old == nil { fields.insert(.creation) }
        look(.status) { $0.status }
        look(.priority) { $0.priority }
        look(.type) { $0.type }
        look(.group) { $0.groupID }
        look(.assignee) { $0.assigneeID }
        look(.requester) { $0.requesterID }
        look(.organization) { $0.organizationID }
        look(.problem) { $0.problemID }
        look(.customStatus) { $0.customStatusID }
        look(.form) { $0.formID }
        look(.custom) { $0.customFields }
        look(.satisfaction) { $0.satisfaction }
        self = fields
    }

    init(rawValue: UInt32) { self.rawValue = rawValue }
}
