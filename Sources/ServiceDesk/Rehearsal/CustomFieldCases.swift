/// The cases of one custom field: `FieldCases` for values that are texts or lists of texts.
struct CustomFieldCases {
    private let wanted: [Condition]
    private let unwanted: [Condition]
    private var conditions: [Condition] { wanted + unwanted }

    /// Lists of more values than these are not tried: then nothing is proved.
    private static let listLimit = 5
    /// Values that no condition can mention: none has control characters like these.
    private static let others = ["\u{1e}1", "\u{1e}2"]

    init(_ wanted: [Condition], _ unwanted: [Condition]) {
        self.wanted = wanted
        self.unwanted = unwanted
    }

    func isPossible(isNew: Bool) -> (Bool, tried: Int) {
        guard let values else { return (true, 1) }
        let asksForChange = conditions.contains { $0.test.looksAtChange }
        let olds = isNew || !asksForChange ? [[]] : values
        let offsets = dayOffsets
        var tried = 0
        for value in values {
            for old in olds {
                for offset in offsets {
                    tried += 1
                    func holds(_ condition: Condition) -> Bool {
                        Self.holds(condition.test, value, old, offset: offset, isNew: isNew)
                    }
                    if wanted.allSatisfy(holds), !unwanted.contains(where: holds) {
                        return (true, tried)
                    }
                }
            }
        }
        return (false, tried)
    }

    // MARK: Cases

    /// One of each kind of values that the conditions can tell apart; nil when there are too many.
    private var values: [[String]]? {
        var words: [String] = []
        var limits: [Double] = []
        var days: [Int64] = []
        var asksForLists = false
        func mention(_ word: String) { if !words.contains(word) { words.append(word) } }
        for condition in conditions {
            switch condition.test {
            case .includes(let texts), .excludes(let texts):
                asksForLists = true
                texts.forEach(mention)
            case .value(let test):
                switch test {
                case .equals(let word), .differs(let word), .changedTo(let word),
                    .changedFrom(let word), .notChangedTo(let word), .notChangedFrom(let word):
                    mention(word)
                case .isBelow(let limit), .isAbove(let limit): limits.append(limit)
                case .isBefore(let day), .isAfter(let day): days.append(day.rawValue)
                case .isWithinPrevious, .isWithinNext: days.append(20_000)
                }
            default: continue
            }
        }
        let singles = words + Self.others + Self.numbers(limits, words) + Self.dates(days, words)
        var values = [[]] + singles.map { [$0] }
        // Fields of numbers and dates hold one value.
        guard asksForLists, limits.isEmpty, days.isEmpty else { return values }
        guard words.count <= Self.listLimit else { return nil }
        for chosen in 1..<(1 << words.count) {
            let list = words.indices.filter { chosen >> $0 & 1 == 1 }.map { words[$0] }
            if list.count > 1 { values.append(list) }
            values.append(list + [Self.others[0]])
        }
        values.append(Self.others)
        return values
    }

    /// Numbers at, between and beyond the limits, in a form that no condition mentions.
    private static func numbers(_ limits: [Double], _ words: [String]) -> [String] {
        guard !limits.isEmpty else { return [] }
        let marks = Set(limits + words.compactMap(Double.init).filter(\.isFinite)).sorted()
        var numbers = marks
        for (low, high) in zip(marks, marks.dropFirst()) { numbers.append(low / 2 + high / 2) }
        numbers.append(marks[0] - max(1, abs(marks[0])))
        numbers.append(marks[marks.count - 1] + max(1, abs(marks[marks.count - 1])))
        return numbers.map { number in
            var text = number.description
            while words.contains(text) {
                text = number < 0 ? "-0" + text.dropFirst() : "0" + text
            }
            return text
        }
    }

    private static func dates(_ days: [Int64], _ words: [String]) -> [String] {
        guard !days.isEmpty else { return [] }
        let marks = days + words.compactMap { CalendarDay($0)?.rawValue }
        return Set(marks.flatMap { [$0 - 1, $0, $0 + 1] }).sorted().map {
            CalendarDay(rawValue: $0).description
        }.filter { !words.contains($0) }
    }

    /// Days from today to the value's, as far as conditions ask for them. They are tried with every value: what day it is now is not known.
    private var dayOffsets: [Int64] {
        var offsets: Set<Int64> = [0]
        for condition in conditions {
            switch condition.test {
            case .value(.isWithinPrevious(let count)):
                offsets.formUnion([-count - 1, -count, -1, 1])
            case .value(.isWithinNext(let count)): offsets.formUnion([count + 1, count, -1, 1])
            default: continue
            }
        }
        return offsets.sorted()
    }

    // MARK: What holds

    private static func holds(
        _ test: Condition.Test, _ values: [String], _ old: [String], offset: Int64, isNew: Bool
    ) -> Bool {
        switch test {
        case .isPresent: !values.isEmpty
        case .isAbsent: values.isEmpty
        case .includes(let wanted): wanted.contains { values.contains($0) }
        case .excludes(let unwanted): !unwanted.contains { values.contains($0) }
        case .changed: values != old
        case .unchanged: values == old
        case .value(let test): holds(test, values, old, offset: offset, isNew: isNew)
        default: false
        }
    }

    private static func holds(
        _ test: Condition.CustomTest, _ values: [String], _ old: [String], offset: Int64,
        isNew: Bool
    ) -> Bool {
        func isValue(_ values: [String], _ wanted: String) -> Bool {
            values == [wanted] || values.isEmpty && (wanted.isEmpty || wanted == "false")
        }
        let number = values.first.flatMap(Double.init)
        let day = values.first.flatMap { CalendarDay($0) }
        return switch test {
        case .equals(let wanted): isValue(values, wanted)
        case .differs(let unwanted): !isValue(values, unwanted)
        case .isBelow(let limit): number.map { $0 < limit } ?? false
        case .isAbove(let limit): number.map { $0 > limit } ?? false
        case .isBefore(let limit): day.map { $0 < limit } ?? false
        case .isAfter(let limit): day.map { $0 > limit } ?? false
        case .isWithinPrevious(let count): day != nil && offset <= 0 && offset >= -count
        case .isWithinNext(let count): day != nil && offset >= 0 && offset <= count
        case .changedTo(let wanted): values != old && isValue(values, wanted)
        case .notChangedTo(let wanted): values == old || !isValue(values, wanted)
        case .changedFrom(let wanted): !isNew && values != old && isValue(old, wanted)
        case .notChangedFrom(let wanted): isNew || values == old || !isValue(old, wanted)
        }
    }
}
