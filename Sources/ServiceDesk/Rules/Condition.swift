package import Wire

/// One test, compiled: evaluating it allocates nothing but what a text search needs.
struct Condition: Sendable, Equatable {
    let field: RuleField
    let test: Test
    /// The same as the client wrote it, for traces.
    let text: ConditionText

    enum Test: Sendable, Equatable {
        case equals(Operand)
        case differs(Operand)
        case isBelow(Int64)
        case isAbove(Int64)
        case changed
        case changedTo(Operand)
        case changedFrom(Operand)
        case unchanged
        case notChangedTo(Operand)
        case notChangedFrom(Operand)
        /// One of these words or tags; for texts also in the middle of others.
        case includes([String])
        case excludes([String])
        case contains(String)
        case lacks(String)
        case isPresent
        case isAbsent
        case value(CustomTest)
        case elapsed(Elapsed)
        case flag(Bool)
        /// What it looks at is gone.
        case never
    }

    /// What a field is compared with.
    enum Operand: Sendable, Equatable {
        case number(Int64)
        case nobody
        /// Who makes the update, or looks at the view.
        case currentUser
        case requester
        case assignee
        /// One of the groups of who looks.
        case currentGroups
        /// One of several numbers that stand together.
        case numbers(ClosedRange<Int64>)
        case role(Role)
        /// Either kind of staff.
        case staff
    }

    /// A comparison of a custom field's value.
    enum CustomTest: Sendable, Equatable {
        case equals(String)
        case differs(String)
        case isBelow(Double)
        case isAbove(Double)
        case isBefore(CalendarDay)
        case isAfter(CalendarDay)
        case isWithinPrevious(days: Int64)
        case isWithinNext(days: Int64)
        case changedTo(String)
        case changedFrom(String)
        case notChangedTo(String)
        case notChangedFrom(String)
    }

    /// Hours since or until a moment, in milliseconds.
    struct Elapsed: Sendable, Equatable {
        enum Relation: Sendable { case within, moreThan, lessThan }
        let relation: Relation
        let milliseconds: Int64
        let isBusiness: Bool
        /// From when to when after the moment it holds; for a moment to come, before it.
        var isHolding: (Int64) -> Bool {
            { elapsed in
                switch relation {
                case .within: elapsed >= milliseconds && elapsed < milliseconds + 3_600_000
                case .moreThan: elapsed > milliseconds
                case .lessThan: elapsed < milliseconds
                }
            }
        }
    }
}

/// A ticket as a rule looks at it: as it is, as it was before the update, and the update itself.
package struct RuleSubject: Sendable {
    /// Nil when the ticket is new, and where there is no update.
    let before: Ticket?
    var ticket: Ticket { didSet { values = ticket.customFields.all } }
    /// The custom fields' values, read once.
    private(set) var values: [Int64: CustomValue]
    let oldValues: [Int64: CustomValue]
    var comment: Comment?
    let updater: Principal
    let channel: Via.Channel
    let now: Timestamp
    var changed: ChangedFields
    /// Nil when every minute is worked.
    var calendar: WorkingHours?

    package struct Comment: Sendable {
        let body: String
        /// The same in lower case.
        let text: String
        let isPublic: Bool
        package init(body: String, isPublic: Bool) {
            self.body = body
            text = body.lowercased()
            self.isPublic = isPublic
        }
    }

    /// - Parameters:
    ///   - ticket: as it would be written.
    ///   - before: as it is in the rows; nil when it is new.
    package init(
        _ ticket: Ticket, before: Ticket?, comment: Comment? = nil, updater: Principal,
        channel: Via.Channel, now: Timestamp
    ) {
        self.before = before
        self.ticket = ticket
        values = ticket.customFields.all
        oldValues = before?.customFields.all ?? [:]
        self.comment = comment
        self.updater = updater
        self.channel = channel
        self.now = now
        changed = ChangedFields(from: before, to: ticket, hasComment: comment != nil)
    }
}

extension Condition {
    func holds(for subject: RuleSubject) -> Bool {
        switch field {
        case .status, .priority, .type, .group, .assignee, .requester, .organization, .problem,
            .customStatus, .form, .reopens, .replies, .assigneeStations, .groupStations, .channel,
            .updateChannel, .satisfaction, .satisfactionReason:
            return compareNumbers(subject)
        case .custom(let id): return compareCustom(id, subject)
        case .tags: return compareTags(subject.ticket.tags)
        case .subject: return search(subject.ticket.subject.lowercased())
        case .description: return search(subject.ticket.description.lowercased())
        case .comment: return subject.comment.map { search($0.text) } ?? false
        case .isPublic: return test == .flag(subject.ticket.isPublic)
        case .commentIsPublic:
            guard let comment = subject.comment else { return false }
            return test == .isPresent || test == .flag(comment.isPublic)
        case .updateType: return test == .flag(subject.before == nil)
        case .updater: return compareUpdater(subject)
        case .hours(let moment): return compareTime(moment, subject)
        case .isWorkingTime:
            return test == .flag(subject.calendar?.contains(subject.now) ?? true)
        }
    }

    // MARK: Fields of one number

    private func compareNumbers(_ subject: RuleSubject) -> Bool {
        let value = number(subject.ticket, subject)
        func isOperand(_ value: Int64?, _ operand: Operand) -> Bool {
            switch operand {
            case .number(let number): return value == number
            case .nobody: return value == nil
            case .currentUser: return value == subject.updater.userID
            case .requester: return value == subject.ticket.requesterID
            case .assignee: return value != nil && value == subject.ticket.assigneeID
            case .currentGroups: return value.map(subject.updater.groupIDs.contains) ?? false
            case .numbers(let numbers): return value.map(numbers.contains) ?? false
            case .role, .staff: return false
            }
        }
        func previous() -> Int64? { subject.before.flatMap { number($0, subject) } }
        /// Of several numbers that stand together, one is no change from another.
        func isChange(_ operand: Operand) -> Bool {
            guard case .numbers = operand else { return value != previous() }
            return isOperand(value, operand) != isOperand(previous(), operand)
        }
        switch test {
        case .equals(let operand): return isOperand(value, operand)
        case .differs(let operand): return !isOperand(value, operand)
        case .isBelow(let limit): return value.map { $0 < limit } ?? false
        case .isAbove(let limit): return value.map { $0 > limit } ?? false
        case .changed: return value != previous()
        case .unchanged: return value == previous()
        case .changedTo(let operand): return isChange(operand) && isOperand(value, operand)
        case .notChangedTo(let operand): return !isChange(operand) || !isOperand(value, operand)
        case .changedFrom(let operand):
            return subject.before != nil && isChange(operand) && isOperand(previous(), operand)
        case .notChangedFrom(let operand):
            return subject.before == nil || !isChange(operand) || !isOperand(previous(), operand)
        case .isPresent: return value != nil
        case .isAbsent: return value == nil
        default: return false
        }
    }

    private func number(_ ticket: Ticket, _ subject: RuleSubject) -> Int64? {
        switch field {
        case .status: ticket.status.rawValue
        case .priority: ticket.priority?.rawValue
        case .type: ticket.type?.rawValue
        case .group: ticket.groupID
        case .assignee: ticket.assigneeID
        case .requester: ticket.requesterID
        case .organization: ticket.organizationID
        case .problem: ticket.problemID
        case .customStatus: ticket.customStatusID
        case .form: ticket.formID
        case .reopens: ticket.metrics.reopens
        case .replies: ticket.metrics.replies
        case .assigneeStations: ticket.metrics.assigneeStations
        case .groupStations: ticket.metrics.groupStations
        case .channel: ticket.channel.rawValue
        case .updateChannel: subject.channel.rawValue
        case .satisfaction: ticket.satisfaction.state.rawValue
        case .satisfactionReason: ticket.satisfaction.reasonCode
        default: nil
        }
    }

    private func compareUpdater(_ subject: RuleSubject) -> Bool {
        func isOperand(_ operand: Operand) -> Bool {
            switch operand {
            case .number(let id): subject.updater.userID == id
            case .role(let role): subject.updater.role == role
            case .staff: subject.updater.role.isStaff
            case .requester: subject.updater.userID == subject.ticket.requesterID
            case .assignee: subject.updater.userID == subject.ticket.assigneeID
            case .currentUser: true
            case .nobody, .currentGroups, .numbers: false
            }
        }
        switch test {
        case .equals(let operand): return isOperand(operand)
        case .differs(let operand): return !isOperand(operand)
        default: return false
        }
    }

    // MARK: Texts

    private func compareTags(_ tags: [String]) -> Bool {
        switch test {
        case .includes(let wanted): wanted.contains { tags.contains($0) }
        case .excludes(let unwanted): !unwanted.contains { tags.contains($0) }
        case .isPresent: !tags.isEmpty
        case .isAbsent: tags.isEmpty
        default: false
        }
    }

    /// - Parameter text: in lower case, as the words are.
    private func search(_ text: String) -> Bool {
        switch test {
        case .includes(let words): words.contains { Words.contain($0, in: text) }
        case .excludes(let words): !words.contains { Words.contain($0, in: text) }
        case .contains(let part): Words.occurs(part, in: text)
        case .lacks(let part): !Words.occurs(part, in: text)
        default: false
        }
    }

    // MARK: Custom fields

    private func compareCustom(_ id: Int64, _ subject: RuleSubject) -> Bool {
        let values = subject.values[id]?.texts ?? []
        func previous() -> [String] { subject.oldValues[id]?.texts ?? [] }
        switch test {
        case .isPresent: return !values.isEmpty
        case .isAbsent: return values.isEmpty
        case .includes(let wanted): return wanted.contains { values.contains($0) }
        case .excludes(let unwanted): return !unwanted.contains { values.contains($0) }
        case .changed: return values != previous()
        case .unchanged: return values == previous()
        case .value(let test): return Self.compare(values, test, subject, previous)
        default: return false
        }
    }

    private static func compare(
        _ values: [String], _ test: CustomTest, _ subject: RuleSubject,
        _ previous: () -> [String]
    ) -> Bool {
        func isValue(_ values: [String], _ wanted: String) -> Bool {
            // A box that nobody ticked has no value.
            values == [wanted] || values.isEmpty && (wanted.isEmpty || wanted == "false")
        }
        func days(_ isSo: (Int64) -> Bool) -> Bool {
            guard let day = values.first.flatMap({ CalendarDay($0) }) else { return false }
            return isSo(day.rawValue - subject.now.milliseconds / 86_400_000)
        }
        switch test {
        case .equals(let wanted): return isValue(values, wanted)
        case .differs(let unwanted): return !isValue(values, unwanted)
        case .isBelow(let limit):
            return values.first.flatMap(Double.init).map { $0 < limit } ?? false
        case .isAbove(let limit):
            return values.first.flatMap(Double.init).map { $0 > limit } ?? false
        case .isBefore(let day):
            return values.first.flatMap { CalendarDay($0) }.map { $0 < day } ?? false
        case .isAfter(let day):
            return values.first.flatMap { CalendarDay($0) }.map { $0 > day } ?? false
        case .isWithinPrevious(let count): return days { $0 <= 0 && $0 >= -count }
        case .isWithinNext(let count): return days { $0 >= 0 && $0 <= count }
        case .changedTo(let wanted): return values != previous() && isValue(values, wanted)
        case .notChangedTo(let wanted): return values == previous() || !isValue(values, wanted)
        case .changedFrom(let wanted):
            return subject.before != nil && values != previous() && isValue(previous(), wanted)
        case .notChangedFrom(let wanted):
            return subject.before == nil || values == previous() || !isValue(previous(), wanted)
        }
    }

    // MARK: Time

    private func compareTime(_ moment: RuleField.Moment, _ subject: RuleSubject) -> Bool {
        guard case .elapsed(let elapsed) = test,
            let time = moment.time(of: subject.ticket)
        else { return false }
        let (start, end) = moment.isToCome ? (subject.now, time) : (time, subject.now)
        guard start <= end else { return false }
        let span =
            elapsed.isBusiness
            ? subject.calendar?.time(from: start, to: end)
                ?? end.milliseconds - start.milliseconds : end.milliseconds - start.milliseconds
        return elapsed.isHolding(span)
    }
}

extension RuleField.Moment {
    /// Whether hours are counted until it.
    var isToCome: Bool { self == .untilDue || self == .untilBreach }

    /// When it was, or will be; nil when it was never, or is not any more.
    func time(of ticket: Ticket) -> Timestamp? {
        func since(_ status: TicketStatus) -> Timestamp? {
            ticket.status == status ? ticket.statusUpdatedAt : nil
        }
        return switch self {
        case .created: ticket.createdAt
        case .updated: ticket.updatedAt
        case .assigned: ticket.metrics.assignedAt
        case .requesterUpdated: ticket.metrics.requesterUpdatedAt
        case .assigneeUpdated: ticket.metrics.assigneeUpdatedAt
        case .becameNew: since(.new)
        case .becameOpen: since(.open)
        case .becamePending: since(.pending)
        case .becameHold: since(.hold)
        case .becameSolved: since(.solved)
        case .becameClosed: since(.closed)
        case .due, .untilDue: ticket.dueAt
        case .breached: ticket.breachedAt
        case .untilBreach: ticket.nextBreachAt
        }
    }
}

/// Searches for words without a tokenizer: a word is found where no letter or digit stands beside it.
enum Words {
    static func contain(_ word: String, in text: String) -> Bool {
        find(word, in: text) { isEdge($0) && isEdge($1) }
    }

    static func occurs(_ part: String, in text: String) -> Bool {
        find(part, in: text) { _, _ in true }
    }

    /// - Parameter isMatch: of the bytes before and after a place where it stands, nil at the text's ends.
    private static func find(
        _ part: String, in text: String, _ isMatch: (UInt8?, UInt8?) -> Bool
    ) -> Bool {
        let part = Array(part.utf8)
        guard let first = part.first else { return true }
        return Array(text.utf8).withUnsafeBufferPointer { bytes in
            guard bytes.count >= part.count else { return false }
            for start in 0...(bytes.count - part.count) where bytes[start] == first {
                guard bytes[start..<(start + part.count)].elementsEqual(part) else { continue }
                let end = start + part.count
                if isMatch(
                    start > 0 ? bytes[start - 1] : nil, end < bytes.count ? bytes[end] : nil)
                {
                    return true
                }
            }
            return false
        }
    }

    /// ASCII's letters and digits, and whatever is beyond ASCII, belong to words.
    private static func isEdge(_ byte: UInt8?) -> Bool {
        guard let byte else { return true }
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
            return false
        default: return true
        }
    }
}
