/// A regular expression that a field's values must match, and that can never hold a shard up.
///
/// It is run as an automaton that is in many states at once (Thompson, "Regular expression search algorithm", 1968; Cox,
/// "Regular expression matching can be simple and fast"): for each character of the value at most one step for each
/// instruction, whatever the pattern is. With the limits below that is a million steps, some 25 ms, at worst; of one
/// request's values together no more than `workLimit`.
///
/// A value matches when the pattern is found in it; `^…$` asks for the whole. What is taken:
/// - characters, `.` (any but a line feed), `\` before anything that is no letter or digit, `\t \n \r \f \v \e`, `\xHH`,
///   `\uHHHH`, `\u{H…}`;
/// - classes `[a-z_]`, `[^0-9]`, in them ranges, escapes and `[:alpha:]` and its like; `\d \w \s \h` and `\D \W \S \H`,
///   which mean ASCII, as in Ruby;
/// - `*`, `+`, `?`, `{2}`, `{2,}`, `{,3}`, `{2,3}`, each also with a `?` behind it, which changes nothing here;
/// - `a|b`, `(…)`, `(?:…)`, `(?<name>…)`; at the very start `(?i)`, by which ASCII letters match in either case;
/// - `^` and `\A`, `$` and `\z`: the value's start and end (values have one line); `\Z`; `\b`, `\B`.
///
/// Back-references, look-around, atomic groups, possessive quantifiers, `\p{…}`, `&&` in classes and options inside the
/// pattern are refused by name: they need backtracking, or are rarely what an admin means.
package struct ValuePattern: Sendable, Equatable {
    /// Bytes of a pattern.
    package static let sourceLimit = 1024
    /// Instructions that a pattern may become; repetitions with numbers are written out.
    package static let programLimit = 1000
    /// Bytes of a value that is matched.
    package static let valueLimit = 1024
    /// Steps that the values of one request may take together: four times the most of one.
    package static let workLimit = 4 * programLimit * (valueLimit + 1)
    /// Parentheses within one another.
    static let depthLimit = 32

    package let source: String
    private let program: [Instruction]

    /// What is wrong with a pattern, and where.
    package struct Problem: Error, Equatable {
        package let text: String
    }

    package init(_ source: String) throws(Problem) {
        guard source.utf8.count <= Self.sourceLimit else {
            throw Problem(text: "is too long (maximum is \(Self.sourceLimit) bytes)")
        }
        var parser = PatternParser(source)
        let tree = try parser.parse()
        var compiler = PatternCompiler()
        try compiler.emit(tree)
        try compiler.append(.match)
        self.source = source
        program = compiler.program
    }

    package static func == (a: ValuePattern, b: ValuePattern) -> Bool { a.source == b.source }

    enum Instruction: Sendable {
        case one(ScalarSet)
        /// Both ways.
        case fork(Int, Int)
        case jump(Int)
        case check(Place)
        case match
    }

    /// What must hold between two characters.
    enum Place: Sendable {
        case start, end
        /// The end, or before a line feed that ends the value.
        case lastLine
        case wordEdge, noWordEdge
    }

    /// Whether the pattern is found in the text, of which at most `valueLimit` bytes are looked at by whoever calls.
    package func matches(_ text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        var now = States(program.count)
        var next = States(program.count)
        for place in 0...scalars.count {
            // The pattern may begin at every place.
            if follow(0, into: &now, scalars, place) { return true }
            guard place < scalars.count else { return false }
            next.clear()
            for state in now.list {
                guard case .one(let set) = program[state], set.contains(scalars[place].value)
                else { continue }
                if follow(state + 1, into: &next, scalars, place + 1) { return true }
            }
            swap(&now, &next)
        }
        return false
    }

    /// The most steps that a text can take.
    func work(_ text: String) -> Int {
        program.count * (min(text.utf8.count, Self.valueLimit) + 1)
    }

    /// Adds a state with all that are reached from it without a character; true when one of them is the end.
    private func follow(
        _ first: Int, into states: inout States, _ scalars: [Unicode.Scalar], _ place: Int
    ) -> Bool {
        var open = [first]
        while let state = open.popLast() {
            guard states.insert(state) else { continue }
            switch program[state] {
            case .match: return true
            case .one: break
            case .jump(let target): open.append(target)
            case .fork(let a, let b):
                open.append(b)
                open.append(a)
            case .check(let check):
                if holds(check, scalars, place) { open.append(state + 1) }
            }
        }
        return false
    }

    private func holds(_ check: Place, _ scalars: [Unicode.Scalar], _ place: Int) -> Bool {
        func isWord(_ index: Int) -> Bool {
            scalars.indices.contains(index) && ScalarSet.word.contains(scalars[index].value)
        }
        return switch check {
        case .start: place == 0
        case .end: place == scalars.count
        case .lastLine:
            place == scalars.count || (place == scalars.count - 1 && scalars[place] == "\n")
        case .wordEdge: isWord(place - 1) != isWord(place)
        case .noWordEdge: isWord(place - 1) == isWord(place)
        }
    }

    /// A set of states in the order in which they came, with constant time for everything.
    private struct States {
        private(set) var list: [Int] = []
        private var turnOf: [UInt32]
        private var turn: UInt32 = 1

        init(_ count: Int) {
            turnOf = Array(repeating: 0, count: count)
            list.reserveCapacity(count)
        }

        mutating func insert(_ state: Int) -> Bool {
            guard turnOf[state] != turn else { return false }
            turnOf[state] = turn
            list.append(state)
            return true
        }

        mutating func clear() {
            list.removeAll(keepingCapacity: true)
            turn += 1
        }
    }
}

/// Characters, as ranges in order and apart from each other.
struct ScalarSet: Sendable, Equatable {
    private(set) var ranges: [ClosedRange<UInt32>]

    init(_ ranges: [ClosedRange<UInt32>]) {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound &+ 1 {
                merged[merged.count - 1] =
                    last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged
    }

    init(_ scalar: Unicode.Scalar) { ranges = [scalar.value...scalar.value] }

    func contains(_ value: UInt32) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(value)
    }

    var inverted: ScalarSet {
        var next: UInt32 = 0
        var rest: [ClosedRange<UInt32>] = []
        for range in ranges {
            if range.lowerBound > next { rest.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= 0x10ffff { rest.append(next...0x10ffff) }
        return ScalarSet(rest)
    }

    func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

    /// With the other case of every ASCII letter in it.
    var ignoringCase: ScalarSet {
        var more = ranges
        for range in ranges {
            for (first, last, shift) in [(0x41, 0x5a, 32), (0x61, 0x7a, -32)] as [(Int, Int, Int)] {
                let low = max(first, Int(range.lowerBound))
                let high = min(last, Int(range.upperBound))
                if low <= high { more.append(UInt32(low + shift)...UInt32(high + shift)) }
            }
        }
        return ScalarSet(more)
    }

    static let digit = ScalarSet([0x30...0x39])
    static let lower = ScalarSet([0x61...0x7a])
    static let upper = ScalarSet([0x41...0x5a])
    static let letter = lower.union(upper)
    static let alphanumeric = letter.union(digit)
    static let word = alphanumeric.union(ScalarSet("_"))
    static let space = ScalarSet([0x09...0x0d, 0x20...0x20])
    static let hexDigit = ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66])
    static let punctuation = ScalarSet([0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e])
    static let anyButLineFeed = ScalarSet("\n").inverted
}

/// A pattern as a tree.
indirect enum PatternNode {
    case nothing
    case one(ScalarSet)
    case check(ValuePattern.Place)
    case sequence([PatternNode])
    case choice([PatternNode])
    case repetition(PatternNode, least: Int, most: Int?)
}

/// Writes a tree out as instructions.
private struct PatternCompiler {
    private(set) var program: [ValuePattern.Instruction] = []

    mutating func append(_ instruction: ValuePattern.Instruction) throws(ValuePattern.Problem) {
        guard program.count < ValuePattern.programLimit else {
            throw ValuePattern.Problem(
                text:
                    "is too large: with its repetitions written out it has more than \(ValuePattern.programLimit) steps"
            )
        }
        program.append(instruction)
    }

    mutating func emit(_ node: PatternNode) throws(ValuePattern.Problem) {
        switch node {
        case .nothing: break
        case .one(let set): try append(.one(set))
        case .check(let place): try append(.check(place))
        case .sequence(let nodes): for node in nodes { try emit(node) }
        case .choice(let nodes): try emit(choice: nodes)
        case .repetition(let node, let least, let most):
            for _ in 0..<least {
                let start = program.count
                try emit(node)
                // Nothing is nothing however often it is written out.
                if program.count == start { break }
            }
            if let most {
                try emit(node, atMost: most - least)
            } else {
                try emit(anyNumberOf: node)
            }
        }
    }

    private mutating func emit(choice nodes: [PatternNode]) throws(ValuePattern.Problem) {
        var ends: [Int] = []
        for (place, node) in nodes.enumerated() {
            guard place < nodes.count - 1 else {
                try emit(node)
                break
            }
            let fork = program.count
            try append(.fork(fork + 1, 0))
            try emit(node)
            ends.append(program.count)
            try append(.jump(0))
            program[fork] = .fork(fork + 1, program.count)
        }
        for end in ends { program[end] = .jump(program.count) }
    }

    private mutating func emit(_ node: PatternNode, atMost count: Int)
        throws(ValuePattern.Problem)
    {
        var forks: [Int] = []
        for _ in 0..<count {
            forks.append(program.count)
            try append(.fork(program.count + 1, 0))
            try emit(node)
        }
        for fork in forks { program[fork] = .fork(fork + 1, program.count) }
    }

    private mutating func emit(anyNumberOf node: PatternNode) throws(ValuePattern.Problem) {
        let fork = program.count
        try append(.fork(fork + 1, 0))
        try emit(node)
        try append(.jump(fork))
        program[fork] = .fork(fork + 1, program.count)
    }
}

/// Reads a pattern, from left to right.
private struct PatternParser {
    private let scalars: [Unicode.Scalar]
    private var place = 0
    private var ignoresCase = false

    init(_ source: String) { scalars = Array(source.unicodeScalars) }

    private func problem(_ text: String) -> ValuePattern.Problem {
        ValuePattern.Problem(text: "at character \(place + 1): \(text)")
    }

    private func peek(_ ahead: Int = 0) -> Unicode.Scalar? {
        place + ahead < scalars.count ? scalars[place + ahead] : nil
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek() == scalar else { return false }
        place += 1
        return true
    }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars.dropFirst(place).starts(with: wanted) else { return false }
        place += wanted.count
        return true
    }

    mutating func parse() throws(ValuePattern.Problem) -> PatternNode {
        ignoresCase = take("(?i)")
        let tree = try choice(depth: 0)
        guard peek() == nil else { throw problem("a ) without its (") }
        return tree
    }

    private mutating func choice(depth: Int) throws(ValuePattern.Problem) -> PatternNode {
        var branches = [try sequence(depth: depth)]
        while take("|" as Unicode.Scalar) { branches.append(try sequence(depth: depth)) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence(depth: Int) throws(ValuePattern.Problem) -> PatternNode {
        var nodes: [PatternNode] = []
        while let scalar = peek(), scalar != "|", scalar != ")" {
            let atom = try atom(depth: depth)
            nodes.append(try repeated(atom))
        }
        return nodes.isEmpty ? .nothing : nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    private mutating func repeated(_ atom: PatternNode) throws(ValuePattern.Problem) -> PatternNode
    {
        guard let (least, most) = try quantifier() else { return atom }
        if case .check = atom { throw problem("what stands before a quantifier is no character") }
        if peek() == "+" { throw problem("possessive quantifiers are not supported") }
        _ = take("?" as Unicode.Scalar)
        if let scalar = peek(), "*+?".unicodeScalars.contains(scalar) {
            throw problem("a quantifier behind a quantifier")
        }
        return .repetition(atom, least: least, most: most)
    }

    private mutating func quantifier() throws(ValuePattern.Problem) -> (Int, Int?)? {
        switch peek() {
        case "*":
            place += 1
            return (0, nil)
        case "+":
            place += 1
            return (1, nil)
        case "?":
            place += 1
            return (0, 1)
        case "{": return try braces()
        default: return nil
        }
    }

    /// `{2}`, `{2,}`, `{,3}` or `{2,3}`; any other brace stands for itself.
    private mutating func braces() throws(ValuePattern.Problem) -> (Int, Int?)? {
        let start = place
        place += 1
        let least = number()
        let hasComma = take("," as Unicode.Scalar)
        let most = hasComma ? number() : least
        guard take("}" as Unicode.Scalar), least != nil || most != nil else {
            place = start
            return nil
        }
        for count in [least, most].compactMap({ $0 }) where count > ValuePattern.programLimit {
            throw problem("a repetition of more than \(ValuePattern.programLimit)")
        }
        if let least, let most, most < least { throw problem("a repetition that ends too early") }
        return (least ?? 0, most)
    }

    private mutating func number() -> Int? {
        var digits = ""
        while let scalar = peek(), ("0"..."9").contains(scalar), digits.utf8.count < 6 {
            digits.unicodeScalars.append(scalar)
            place += 1
        }
        return Int(digits)
    }

    private func one(_ set: ScalarSet) -> PatternNode {
        .one(ignoresCase ? set.ignoringCase : set)
    }

    private mutating func atom(depth: Int) throws(ValuePattern.Problem) -> PatternNode {
        guard let scalar = peek() else { return .nothing }
        switch scalar {
        case "(": return try group(depth: depth)
        case "[": return .one(try characterClass())
        case "\\": return try escape()
        case "*", "+", "?": throw problem("nothing stands before \(scalar)")
        case "{":
            if try braces() != nil { throw problem("nothing stands before the repetition") }
            place += 1
            return one(ScalarSet(scalar))
        default:
            place += 1
            switch scalar {
            case ".": return .one(.anyButLineFeed)
            case "^": return .check(.start)
            case "$": return .check(.end)
            default: return one(ScalarSet(scalar))
            }
        }
    }

    private mutating func group(depth: Int) throws(ValuePattern.Problem) -> PatternNode {
        guard depth < ValuePattern.depthLimit else {
            throw problem("more than \(ValuePattern.depthLimit) parentheses within one another")
        }
        place += 1
        if take("?" as Unicode.Scalar) {
            if take(":" as Unicode.Scalar) {
                // Only groups.
            } else if take("=") || take("!") {
                throw problem("look-ahead is not supported")
            } else if take("<=") || take("<!") {
                throw problem("look-behind is not supported")
            } else if take("<") {
                while let scalar = peek(), ScalarSet.word.contains(scalar.value) { place += 1 }
                guard take(">" as Unicode.Scalar) else {
                    throw problem("a group's name is not closed by >")
                }
            } else if take(">") {
                throw problem("atomic groups are not supported")
            } else {
                throw problem("only (?:…), (?<name>…) and, at the start, (?i) are supported")
            }
        }
        let tree = try choice(depth: depth + 1)
        guard take(")" as Unicode.Scalar) else { throw problem("a ( without its )") }
        // In parentheses a place may be repeated, which alone makes no sense.
        if case .check = tree { return .sequence([tree]) }
        return tree
    }

    private mutating func escape() throws(ValuePattern.Problem) -> PatternNode {
        place += 1
        guard let scalar = peek() else { throw problem("a \\ at the end") }
        switch scalar {
        case "A":
            place += 1
            return .check(.start)
        case "z":
            place += 1
            return .check(.end)
        case "Z":
            place += 1
            return .check(.lastLine)
        case "b":
            place += 1
            return .check(.wordEdge)
        case "B":
            place += 1
            return .check(.noWordEdge)
        case "1"..."9", "k", "g": throw problem("back-references are not supported")
        case "p", "P": throw problem("\\p{…} is not supported")
        default:
            if let set = try namedSet() { return .one(set) }
            return one(ScalarSet(try escapedScalar()))
        }
    }

    /// `\d` and its like, after the backslash.
    private mutating func namedSet() throws(ValuePattern.Problem) -> ScalarSet? {
        let set: ScalarSet
        switch peek() {
        case "d": set = .digit
        case "D": set = ScalarSet.digit.inverted
        case "w": set = .word
        case "W": set = ScalarSet.word.inverted
        case "s": set = .space
        case "S": set = ScalarSet.space.inverted
        case "h": set = .hexDigit
        case "H": set = ScalarSet.hexDigit.inverted
        default: return nil
        }
        place += 1
        return set
    }

    /// One character that is written with a backslash, after it.
    private mutating func escapedScalar() throws(ValuePattern.Problem) -> Unicode.Scalar {
        guard let scalar = peek() else { throw problem("a \\ at the end") }
        place += 1
        switch scalar {
        case "t": return "\t"
        case "n": return "\n"
        case "r": return "\r"
        case "f": return "\u{c}"
        case "v": return "\u{b}"
        case "e": return "\u{1b}"
        case "x": return try hex(2)
        case "u":
            guard take("{" as Unicode.Scalar) else { return try hex(4) }
            let scalar = try hex(1, upTo: 6)
            guard take("}" as Unicode.Scalar) else { throw problem("\\u{ is not closed by }") }
            return scalar
        default:
            guard !ScalarSet.alphanumeric.contains(scalar.value) else {
                throw problem("\\\(scalar) is not supported")
            }
            return scalar
        }
    }

    private mutating func hex(_ least: Int, upTo most: Int? = nil) throws(ValuePattern.Problem)
        -> Unicode.Scalar
    {
        var digits = ""
        while let scalar = peek(), ScalarSet.hexDigit.contains(scalar.value),
            digits.utf8.count < most ?? least
        {
            digits.unicodeScalars.append(scalar)
            place += 1
        }
        guard digits.utf8.count >= least, let value = UInt32(digits, radix: 16),
            let scalar = Unicode.Scalar(value)
        else { throw problem("not the hexadecimal number of a character") }
        return scalar
    }

    // MARK: Classes

    private mutating func characterClass() throws(ValuePattern.Problem) -> ScalarSet {
        place += 1
        let isInverted = take("^" as Unicode.Scalar)
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while let scalar = peek(), scalar != "]" || isFirst {
            isFirst = false
            if scalar == "&", peek(1) == "&" { throw problem("&& in a class is not supported") }
            if scalar == "[" {
                ranges += try namedClass().ranges
                continue
            }
            if scalar == "\\" {
                place += 1
                if let set = try namedSet() {
                    ranges += set.ranges
                    continue
                }
                if peek() == "b" || peek() == "p" || peek() == "P" {
                    throw problem("\\\(peek()!) in a class is not supported")
                }
            } else {
                place += 1
            }
            let first = scalar == "\\" ? try escapedScalar() : scalar
            ranges.append(first.value...(try rangeEnd(from: first).value))
        }
        guard take("]" as Unicode.Scalar) else { throw problem("a [ without its ]") }
        let set = ignoresCase ? ScalarSet(ranges).ignoringCase : ScalarSet(ranges)
        return isInverted ? set.inverted : set
    }

    private mutating func rangeEnd(from first: Unicode.Scalar) throws(ValuePattern.Problem)
        -> Unicode.Scalar
    {
        guard peek() == "-", let scalar = peek(1), scalar != "]" else { return first }
        place += 2
        let isEscaped = scalar == "\\"
        if isEscaped, let kind = peek(), "dDwWsShH".unicodeScalars.contains(kind) {
            throw problem("a range cannot end with \\\(kind)")
        }
        let last = isEscaped ? try escapedScalar() : scalar
        guard last.value >= first.value else { throw problem("a range that ends before it begins") }
        return last
    }

    /// `[:alpha:]`, inside a class.
    private mutating func namedClass() throws(ValuePattern.Problem) -> ScalarSet {
        let names: [(String, ScalarSet)] = [
            ("alpha", .letter), ("digit", .digit), ("alnum", .alphanumeric), ("upper", .upper),
            ("lower", .lower), ("space", .space), ("punct", .punctuation), ("xdigit", .hexDigit),
            ("word", .word),
        ]
        for (name, set) in names {
            if take("[:\(name):]") { return set }
            if take("[:^\(name):]") { return set.inverted }
        }
        throw problem("[ in a class must be written \\[")
    }
}
