/// All that the conditions on one subject can tell apart, tried one by one.
///
/// For every value that a ticket can have there is a case on which the conditions say the same as on it; cases that no ticket can have may
/// be among them. `Tests` compare the two on random tickets.
struct FieldCases {
    /// What conditions look at together.
    enum Subject: Hashable, Sendable {
        /// Whether the ticket is new.
        case newness
        case field(RuleField)
        /// The update's comment: its text and whom it is for.
        case comment

        init(_ field: RuleField) {
            switch field {
            case .updateType: self = .newness
            case .comment, .commentIsPublic: self = .comment
            default: self = .field(field)
            }
        }
    }

    private let subject: Subject
    private let wanted: [Condition]
    private let unwanted: [Condition]

    init(_ subject: Subject, _ wanted: [Condition], _ unwanted: [Condition]) {
        self.subject = subject
        self.wanted = wanted
        self.unwanted = unwanted
    }

    /// Whether a case fulfils all that is wanted and nothing that is not, and how many were tried.
    func isPossible(isNew: Bool) -> (Bool, tried: Int) {
        switch subject {
        case .newness:
            return (fits { $0.test == .flag(isNew) }, 1)
        case .comment: return (commentIsPossible, 1)
        case .field(let field):
            switch field {
            case .tags, .subject, .description: return (wordsArePossible(wanted, unwanted), 1)
            case .isPublic, .isWorkingTime:
                return (
                    [false, true].contains { flag in fits { $0.test == .flag(flag) } }, 2
                )
            case .updater: return updaterIsPossible
            case .hours: return hoursArePossible
            case .custom: return CustomFieldCases(wanted, unwanted).isPossible(isNew: isNew)
            default: return numbersArePossible(field, isNew: isNew)
            }
        }
    }

    private func fits(_ holds: (Condition) -> Bool) -> Bool {
        wanted.allSatisfy(holds) && !unwanted.contains(where: holds)
    }

    // MARK: Fields of one number

    private func numbersArePossible(_ field: RuleField, isNew: Bool) -> (Bool, tried: Int) {
        let values = domain(field)
        let words = operands(changes: false)
        let oldWords = operands(changes: true)
        // How an update came in has no value before.
        let olds: [Int64?] = isNew ? [nil] : values
        var tried = 0
        for value in values {
            for old in olds where field != .updateChannel || isNew || old == value {
                for fulfilled in 0..<(1 << words.count) {
                    for oldFulfilled in 0..<(1 << oldWords.count) {
                        tried += 1
                        let holds = fits { condition in
                            Self.holds(condition.test, value, old, isNew: isNew) { operand, isOld in
                                let list = isOld ? oldWords : words
                                let bits = isOld ? oldFulfilled : fulfilled
                                return list.firstIndex(of: operand)
                                    .map { bits >> $0 & 1 == 1 } ?? false
                            }
                        }
                        if holds { return (true, tried) }
                    }
                }
            }
        }
        return (false, tried)
    }

    /// - Parameter isMeant: whether a value, now or before, is who a word like "current user" stands for.
    private static func holds(
        _ test: Condition.Test, _ value: Int64?, _ old: Int64?, isNew: Bool,
        _ isMeant: (Condition.Operand, _ isOld: Bool) -> Bool
    ) -> Bool {
        func isOperand(_ value: Int64?, _ operand: Condition.Operand, isOld: Bool) -> Bool {
            switch operand {
            case .number(let number): value == number
            case .nobody: value == nil
            case .numbers(let range): value.map(range.contains) ?? false
            case .currentUser, .requester, .assignee, .currentGroups:
                value != nil && isMeant(operand, isOld)
            case .role, .staff: false
            }
        }
        let isChanged = value != old
        switch test {
        case .equals(let operand): return isOperand(value, operand, isOld: false)
        case .differs(let operand): return !isOperand(value, operand, isOld: false)
        case .isBelow(let limit): return value.map { $0 < limit } ?? false
        case .isAbove(let limit): return value.map { $0 > limit } ?? false
        case .changed: return isChanged
        case .unchanged: return !isChanged
        case .changedTo(let operand): return isChanged && isOperand(value, operand, isOld: false)
        case .notChangedTo(let operand):
            return !isChanged || !isOperand(value, operand, isOld: false)
        case .changedFrom(let operand):
            return !isNew && isChanged && isOperand(old, operand, isOld: true)
        case .notChangedFrom(let operand):
            return isNew || !isChanged || !isOperand(old, operand, isOld: true)
        case .isPresent: return value != nil
        case .isAbsent: return value == nil
        default: return false
        }
    }

    /// Words for somebody that the conditions use: of the value now, or of the one before.
    private func operands(changes: Bool) -> [Condition.Operand] {
        var found: [Condition.Operand] = []
        for condition in wanted + unwanted {
            let operand: Condition.Operand
            switch condition.test {
            case .equals(let word), .differs(let word), .changedTo(let word),
                .notChangedTo(let word):
                guard !changes else { continue }
                operand = word
            case .changedFrom(let word), .notChangedFrom(let word):
                guard changes else { continue }
                operand = word
            default: continue
            }
            switch operand {
            case .currentUser, .requester, .assignee, .currentGroups:
                if !found.contains(operand) { found.append(operand) }
            case .number, .numbers, .nobody, .role, .staff: continue
            }
        }
        return found
    }

    private func domain(_ field: RuleField) -> [Int64?] {
        var mentioned: Set<Int64> = []
        for condition in wanted + unwanted {
            switch condition.test {
            case .equals(.number(let number)), .differs(.number(let number)),
                .changedTo(.number(let number)), .changedFrom(.number(let number)),
                .notChangedTo(.number(let number)), .notChangedFrom(.number(let number)),
                .isBelow(let number), .isAbove(let number):
                mentioned.insert(number)
            default: continue
            }
        }
        switch field {
        case .status: return TicketStatus.allCases.map(\.rawValue)
        case .priority: return [nil] + TicketPriority.allCases.map(\.rawValue)
        case .type: return [nil] + TicketType.allCases.map(\.rawValue)
        case .channel, .updateChannel: return Via.Channel.allCases.map(\.rawValue) + [.min]
        case .satisfaction: return SatisfactionState.allCases.map(\.rawValue)
        case .reopens, .replies, .assigneeStations, .groupStations:
            let near = mentioned.flatMap { [$0 - 1, $0, $0 + 1, $0 + 2] }
            return Set([0, 1] + near).filter { $0 >= 0 }.sorted()
        default:
            // Two that nobody mentions, so that one can become the other.
            let ids: [Int64] = mentioned.sorted() + [.min, .min + 1]
            let isNeverNobody = field == .requester || field == .customStatus
            return isNeverNobody ? ids : [nil] + ids
        }
    }

    // MARK: Words and tags

    /// A word or tag, or a part of a text.
    private struct Word: Hashable {
        let text: String
        let isPart: Bool
    }

    private func wordsArePossible(_ wanted: [Condition], _ unwanted: [Condition]) -> Bool {
        var missing: Set<Word> = []
        var needed: [[Word]] = []
        var isEmpty = false
        func words(_ texts: [String]) -> [Word] { texts.map { Word(text: $0, isPart: false) } }
        func part(_ text: String) -> Word { Word(text: text, isPart: true) }
        let isTags = subject == .field(.tags)
        for condition in wanted {
            switch condition.test {
            case .includes(let texts): needed.append(words(texts))
            case .excludes(let texts): missing.formUnion(words(texts))
            case .contains(let text) where !isTags: needed.append([part(text)])
            case .lacks(let text) where !isTags: missing.insert(part(text))
            case .isPresent where isTags: continue
            case .isAbsent where isTags: isEmpty = true
            default: return false
            }
        }
        var isPresent = wanted.contains { isTags && $0.test == .isPresent }
        for condition in unwanted {
            switch condition.test {
            case .includes(let texts): missing.formUnion(words(texts))
            case .excludes(let texts): needed.append(words(texts))
            case .contains(let text) where !isTags: missing.insert(part(text))
            case .lacks(let text) where !isTags: needed.append([part(text)])
            case .isPresent where isTags: isEmpty = true
            case .isAbsent where isTags: isPresent = true
            default: continue
            }
        }
        if isEmpty { return needed.isEmpty && !isPresent }
        let parts = missing.filter(\.isPart).map(\.text)
        return needed.allSatisfy { choice in
            choice.contains { word in
                !missing.contains(word) && !parts.contains { Words.occurs($0, in: word.text) }
            }
        }
    }

    private var commentIsPossible: Bool {
        // Without a comment none of them holds.
        if wanted.isEmpty { return true }
        func isOfText(_ condition: Condition) -> Bool { condition.field == .comment }
        func holds(_ condition: Condition, _ isPublic: Bool) -> Bool {
            condition.test == .isPresent || condition.test == .flag(isPublic)
        }
        let isForSomebody = [false, true].contains { isPublic in
            wanted.allSatisfy { isOfText($0) || holds($0, isPublic) }
                && unwanted.allSatisfy { isOfText($0) || !holds($0, isPublic) }
        }
        return isForSomebody
            && wordsArePossible(wanted.filter(isOfText), unwanted.filter(isOfText))
    }

    // MARK: Who makes the update

    private var updaterIsPossible: (Bool, tried: Int) {
        var mentioned: Set<Int64> = []
        for condition in wanted + unwanted {
            if case .equals(.number(let id)) = condition.test { mentioned.insert(id) }
            if case .differs(.number(let id)) = condition.test { mentioned.insert(id) }
        }
        var tried = 0
        for id in mentioned.sorted() + [Int64.min] {
            for role in Role.allCases {
                for (isRequester, isAssignee) in [
                    (false, false), (true, false), (false, true), (true, true),
                ] {
                    tried += 1
                    func isOperand(_ operand: Condition.Operand) -> Bool {
                        switch operand {
                        case .number(let number): number == id
                        case .role(let wanted): wanted == role
                        case .staff: role.isStaff
                        case .requester: isRequester
                        case .assignee: isAssignee
                        case .currentUser: true
                        case .nobody, .numbers, .currentGroups: false
                        }
                    }
                    let holds = fits { condition in
                        switch condition.test {
                        case .equals(let operand): isOperand(operand)
                        case .differs(let operand): !isOperand(operand)
                        default: false
                        }
                    }
                    if holds { return (true, tried) }
                }
            }
        }
        return (false, tried)
    }

    // MARK: Time

    private var hoursArePossible: (Bool, tried: Int) {
        // The moment never was, and nothing holds.
        if wanted.isEmpty { return (true, 1) }
        func spans(business: Bool) -> [Int64] {
            var spans: Set<Int64> = [0]
            for condition in wanted + unwanted {
                guard case .elapsed(let elapsed) = condition.test, elapsed.isBusiness == business
                else { continue }
                let start = elapsed.milliseconds
                spans.formUnion([start - 1, start, start + 1])
                spans.formUnion([start + 3_599_999, start + 3_600_000])
            }
            return spans.filter { $0 >= 0 }.sorted()
        }
        let (plain, worked) = (spans(business: false), spans(business: true))
        var tried = 0
        for span in plain {
            for work in worked {
                tried += 1
                let holds = fits { condition in
                    guard case .elapsed(let elapsed) = condition.test else { return false }
                    return elapsed.isHolding(elapsed.isBusiness ? work : span)
                }
                if holds { return (true, tried) }
            }
        }
        return (false, tried)
    }
}
