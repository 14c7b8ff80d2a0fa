import Testing
import Wire

@testable import ServiceDesk

@Suite("The query language of search")
struct SearchQueryTests {
    typealias Term = SearchTerm

    static let readings: [(String, [Term])] = [
        ("", []),
        ("  \t\n ", []),
        ("paper", [Term("paper")]),
        ("paper jam", [Term("paper"), Term("jam")]),
        ("\"paper jam\"", [Term("paper jam", isQuoted: true)]),
        ("\"paper", [Term("paper", isQuoted: true)]),
        ("\"\"", [Term("", isQuoted: true)]),
        ("\"", [Term("", isQuoted: true)]),
        ("\"pap\"* jam", [Term("pap", isQuoted: true, hasWildcard: true), Term("jam")]),
        ("pap*", [Term("pap", hasWildcard: true)]),
        ("pap**", [Term("pap", hasWildcard: true)]),
        ("p*p", [Term("p*p")]),
        ("*", [Term("", hasWildcard: true)]),
        ("-paper", [Term("paper", isNegated: true)]),
        ("-\"paper jam\"", [Term("paper jam", isNegated: true, isQuoted: true)]),
        ("--paper", [Term("-paper", isNegated: true)]),
        ("-", [Term("-")]),
        ("- paper", [Term("-"), Term("paper")]),
        ("status:open", [Term("open", field: "status")]),
        ("Status:Open", [Term("Open", field: "status")]),
        ("-status:open", [Term("open", field: "status", isNegated: true)]),
        ("status<solved", [Term("solved", field: "status", .less)]),
        ("status<=solved", [Term("solved", field: "status", .lessOrEqual)]),
        ("priority>low", [Term("low", field: "priority", .greater)]),
        ("priority>=low", [Term("low", field: "priority", .greaterOrEqual)]),
        ("created>4hours", [Term("4hours", field: "created", .greater)]),
        (
            "created_at>=2026-01-31T10:00:00Z type:user",
            [
                Term("2026-01-31T10:00:00Z", field: "created_at", .greaterOrEqual),
                Term("user", field: "type"),
            ]
        ),
        ("subject:\"a b\"", [Term("a b", field: "subject", isQuoted: true)]),
        ("subject:\"a b\"c", [Term("a b", field: "subject", isQuoted: true), Term("c")]),
        ("tags:vip*", [Term("vip", field: "tags", hasWildcard: true)]),
        ("assignee:*", [Term("", field: "assignee", hasWildcard: true)]),
        ("assignee:none", [Term("none", field: "assignee")]),
        ("requester:a@b.test", [Term("a@b.test", field: "requester")]),
        ("custom_field_12:x", [Term("x", field: "custom_field_12")]),
        ("a:b:c", [Term("b:c", field: "a")]),
        ("12", [Term("12")]),
        ("#12", [Term("#12")]),
        ("12:30", [Term("12:30")]),
        ("https://example.test/a?b=c", [Term("https://example.test/a?b=c")]),
        ("subject:", [Term("subject:")]),
        ("re: paper", [Term("re:"), Term("paper")]),
        ("status< open", [Term("status<"), Term("open")]),
        (":open", [Term(":open")]),
        ("<b>", [Term("<b>")]),
        ("a=b", [Term("a=b")]),
        ("größe:3", [Term("größe:3")]),
        ("打印机 坏了", [Term("打印机"), Term("坏了")]),
        ("paper\u{3000}jam", [Term("paper"), Term("jam")]),
    ]

    @Test("reads each form of a term", arguments: readings)
    func reads(_ text: String, _ terms: [Term]) throws {
        #expect(try SearchQuery(text).terms == terms)
    }

    @Test("takes 1,000 bytes and refuses one more")
    func bytes() throws {
        let longest = String(repeating: "ä", count: 500)
        #expect(try SearchQuery(longest).terms.count == 1)
        #expect(throws: DeskRefusal.self) { try SearchQuery(longest + "a") }
    }

    @Test("takes 64 terms and refuses one more")
    func terms() throws {
        let most = Array(repeating: "a", count: 64).joined(separator: " ")
        #expect(try SearchQuery(most).terms.count == 64)
        #expect(throws: DeskRefusal.self) { try SearchQuery(most + " a") }
    }

    @Test("survives any text within its limits", arguments: [UInt64(1), 2, 3])
    func hostile(_ seed: UInt64) throws {
        var random = SearchRandom(seed: seed)
        let pieces = [
            "\"", ":", "<", ">", "=", "-", "*", "#", " ", "\t", "\u{0}", "\u{301}", "\u{202e}",
            "👩‍👩‍👧", "é", "İ", "ß", "a", "Z", "9", "_", "'", ";", "--", "%", "\\", "\n", "type:",
            "status<",
            "created>", "none", "me", "\u{feff}", "\u{10ffff}", "打",
        ]
        for _ in 0..<3000 {
            var text = ""
            for _ in 0..<random.number(0..<80) { text += random.pick(pieces) }
            guard text.utf8.count <= SearchQuery.byteLimit else { continue }
            do {
                let terms = try SearchQuery(text).terms
                #expect(terms.count <= SearchQuery.termLimit)
                let bytes = terms.reduce(0) {
                    $0 + $1.value.utf8.count + ($1.field?.utf8.count ?? 0)
                }
                #expect(bytes <= text.utf8.count, "seed \(seed): \(text.debugDescription)")
                for term in terms { _ = WordPattern(term) }
            } catch {
                guard case .badRequest("InvalidQuery", _) = error else { throw error }
            }
        }
    }
}

@Suite("Times in a search")
struct SearchTimeTests {
    /// 2026-03-15T13:45:30.250Z.
    static let now = Timestamp(milliseconds: 1_773_582_330_250)
    static let midnight: Int64 = 1_773_532_800_000

    static let spans: [(String, Int64, Int64)] = [
        ("1970-01-01", 0, 86_400_000),
        ("2026-03-15", midnight, 86_400_000),
        ("2024-02-29", 1_709_164_800_000, 86_400_000),
        ("1969-12-31", -86_400_000, 86_400_000),
        ("2026-03-15T13:45", midnight + 49_500_000, 60_000),
        ("2026-03-15T13:45:30", midnight + 49_530_000, 1000),
        ("2026-03-15T13:45:30Z", midnight + 49_530_000, 1000),
        ("2026-03-15t13:45:30z", midnight + 49_530_000, 1000),
        ("2026-03-15 13:45:30", midnight + 49_530_000, 1000),
        ("2026-03-15T13:45:30.25Z", midnight + 49_530_250, 1),
        ("2026-03-15T15:45:30+02:00", midnight + 49_530_000, 1000),
        ("2026-03-15T08:15:30-0530", midnight + 49_530_000, 1000),
        ("today", midnight, 86_400_000),
        ("Yesterday", midnight - 86_400_000, 86_400_000),
        ("tomorrow", midnight + 86_400_000, 86_400_000),
    ]

    @Test("a date is its day, a time its second, in UTC", arguments: spans)
    func span(_ text: String, _ start: Int64, _ length: Int64) {
        #expect(
            SearchTime(text, now: Self.now)
                == .span(
                    Timestamp(milliseconds: start), Timestamp(milliseconds: start + length)))
    }

    @Test(
        "so long ago is a moment",
        arguments: [
            ("1minute", 60_000), ("4hours", 14_400_000), ("4hour", 14_400_000),
            ("2DAYS", 172_800_000), ("1week", 604_800_000), ("1month", 2_592_000_000),
            ("999999years", 999_999 * 31_536_000_000),
        ] as [(String, Int64)])
    func ago(_ text: String, _ milliseconds: Int64) {
        #expect(
            SearchTime(text, now: Self.now)
                == .moment(Self.now.advanced(byMilliseconds: -milliseconds)))
    }

    @Test(
        "anything else is no time",
        arguments: [
            "", "2026", "2026-1-1", "2026-02-30", "2026-13-01", "2026-00-10", "2026-01-00",
            "2026-01-31T", "2026-01-31T25:00", "2026-01-31T10:00:00X", "2026-01-31T10:00:00+2",
            "2026-01-31T10:00:00Z1", "hours", "4", "4parsecs", "1000000days", "-4hours",
            "yesterdays",
            "２０２６-01-31", "2026-01-31T10:00:00.Z", "none", "99999999999999999999years",
        ])
    func noTime(_ text: String) { #expect(SearchTime(text, now: Self.now) == nil) }
}

@Suite("Words in texts")
struct WordMatcherTests {
    func has(_ text: String, _ words: String, prefix: Bool = false) -> Bool {
        var matcher = WordMatcher()
        matcher.load(text)
        return matcher.contains(WordPattern(words, lastIsPrefix: prefix))
    }

    @Test(
        "finds whole words and phrases whatever their case",
        arguments: [
            ("The printer is on fire!", "printer", true), ("The PRINTER is", "printer", true),
            ("The printers are", "printer", false), ("reprinter", "printer", false),
            ("is on fire", "on fire", true), ("on-fire", "on fire", true),
            ("on big fire", "on fire", false), ("fire on", "on fire", false),
            ("ÄRGER mit Öl", "ärger", true), ("ärgerlich", "ärger", false),
            ("ПРИВЕТ мир", "привет", true), ("ΟΔΥΣΣΕΥΣ", "οδυσσευς", true),
            ("我的打印机坏了", "打印机", true), ("我的打印坏机", "打印机", false),
            ("mail jane@example.test now", "jane@example.test", true),
            ("error_code 42", "42", true),
            ("x42", "42", false), ("", "a", false), ("a", "a", true), ("!!!", "!", false),
            ("a\u{0}b", "a b", true), ("İstanbul", "istanbul", true),
        ])
    func whole(_ text: String, _ words: String, _ expected: Bool) {
        #expect(has(text, words) == expected)
    }

    @Test(
        "finds beginnings of words, and only those",
        arguments: [
            ("topology", "top", true), ("Dessert Toppings", "top", true), ("desktop", "top", false),
            ("one-stop", "top", false), ("tip-top", "top", true), ("big topper", "big top", true),
            ("bigger top", "big top", false),
        ])
    func prefix(_ text: String, _ words: String, _ expected: Bool) {
        #expect(has(text, words, prefix: true) == expected)
    }

    @Test("agrees with a plain search over Swift's characters", arguments: [UInt64(11), 12])
    func model(_ seed: UInt64) {
        var random = SearchRandom(seed: seed)
        let letters = ["a", "B", "ä", "Ö", "ж", "Ж", " ", "-", "\n", "9", "😀", "打"]
        func naive(_ text: String) -> [String] {
            var words: [String] = [""]
            for character in text.lowercased() {
                if character == "打" {
                    words += ["打", ""]
                } else if character.isLetter || character.isNumber {
                    words[words.count - 1].append(character)
                } else {
                    words.append("")
                }
            }
            return words.filter { !$0.isEmpty }
        }
        for _ in 0..<4000 {
            var (text, term) = ("", "")
            for _ in 0..<random.number(0..<30) { text += random.pick(letters) }
            for _ in 0..<random.number(1..<4) { term += random.pick(letters) }
            let (words, wanted) = (naive(text), naive(term))
            let expected =
                !wanted.isEmpty && words.count >= wanted.count
                && (0...(words.count - wanted.count)).contains {
                    Array(words[$0..<($0 + wanted.count)]) == wanted
                }
            #expect(
                has(text, term) == expected,
                "seed \(seed): \(term.debugDescription) in \(text.debugDescription)")
        }
    }

    @Test("takes bytes that are no UTF-8, and scalars that grow, without harm")
    func badBytes() {
        var matcher = WordMatcher()
        var random = SearchRandom(seed: 5)
        for _ in 0..<2000 {
            let bytes = (0..<random.number(0..<40)).map { _ in UInt8(random.number(0..<256)) }
            bytes.withUnsafeBufferPointer { matcher.load($0) }
            #expect(matcher.folded.first == 0x20 && matcher.folded.last == 0x20)
        }
        for scalar in ["Ⱥ", "İ", "打", "𠀀", "ก", "\u{1d15e}"] {
            matcher.load(String(repeating: scalar, count: 9000))
            #expect(matcher.folded.count <= 9000 * scalar.utf8.count * 4 + 2)
        }
    }
}

/// SplitMix64: the same seed gives the same run.
struct SearchRandom: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func chance(_ percent: Int) -> Bool { number(0..<100) < percent }
    mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &self) }
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[number(0..<elements.count)]
    }
}
