import Foundation
import Testing

@testable import ServiceDesk

/// The patterns of fields: what they match, what is refused, and that none takes long.
struct ValuePatternTests {
    static let matching: [(pattern: String, yes: [String], no: [String])] = [
        ("", ["", "x"], []),
        ("abc", ["abc", "xabcx"], ["ab c", "ABC"]),
        ("^abc$", ["abc"], ["xabc", "abcx", "abc\n"]),
        ("\\Aabc\\z", ["abc"], ["abc\n"]),
        ("\\Aabc\\Z", ["abc", "abc\n"], ["abc\n\n"]),
        ("^[A-Z]{2}-\\d{4}$", ["AB-1234"], ["AB-123", "AB-12345", "ab-1234", "A-1234"]),
        ("^a{2,3}$", ["aa", "aaa"], ["a", "aaaa"]),
        ("^a{,2}$", ["", "a", "aa"], ["aaa"]),
        ("^a{2,}$", ["aa", "aaaaaa"], ["a"]),
        ("^a{x}$", ["a{x}"], ["aaa"]),
        ("^(cat|dog)s?$", ["cat", "dogs"], ["cats dogs", "cow"]),
        ("^(?:ab)+?$", ["ab", "abab"], ["aba"]),
        ("^(?<word>\\w+)@\\w+\\.com$", ["me@there.com"], ["me@there_com", "@there.com"]),
        ("^[^0-9]+$", ["abc"], ["a1c", ""]),
        ("^[\\w.-]+$", ["a.b-c_9"], ["a b"]),
        ("^[]a]+$", ["]a"], ["b"]),
        ("^[a\\]]+$", ["]a"], ["b"]),
        ("^[[:alpha:]]+$", ["aB"], ["a1"]),
        ("^[[:^digit:]-]+$", ["a-b"], ["1"]),
        ("^\\h+$", ["09afAF"], ["g"]),
        ("^.$", ["x", "é", "😀"], ["", "\n", "xy"]),
        ("^\\S+\\s\\S+$", ["a b"], ["ab", "a  b"]),
        ("\\bcat\\b", ["a cat!", "cat"], ["cats", "scat"]),
        ("\\Bat", ["cat"], ["at"]),
        ("^\\x41\\u00e9\\u{1F600}\\.$", ["Aé😀."], ["Aé😀x"]),
        ("(?i)^straße[a-c]$", ["STRAßEb", "straßeC"], ["straßed"]),
        ("^a|b$", ["ax", "xb"], ["xa", "bx"]),
        ("^()$", [""], ["x"]),
        ("^(a*)*$", ["", "aaaa"], ["b"]),
        ("^(a|)+b$", ["aab", "b"], ["a"]),
        ("a{999}", [String(repeating: "a", count: 999)], [String(repeating: "a", count: 998)]),
    ].map { (pattern: $0.0, yes: $0.1, no: $0.2) }

    @Test(arguments: matching.indices)
    func patternsMatchAsWritten(index: Int) throws {
        let (pattern, yes, no) = Self.matching[index]
        let compiled = try ValuePattern(pattern)
        for text in yes { #expect(compiled.matches(text), "\(pattern) should match \(text)") }
        for text in no { #expect(!compiled.matches(text), "\(pattern) should not match \(text)") }
    }

    static let refused: [(String, String)] = [
        ("(a", "without its )"), ("a)", "without its ("), ("[a", "without its ]"),
        ("*a", "nothing stands before"), ("a**", "quantifier behind"), ("a++", "possessive"),
        ("a{3,2}", "ends too early"), ("a{9999}", "more than 1000"), ("(a)\\1", "back-references"),
        ("(?=a)", "look-ahead"), ("(?<!a)", "look-behind"), ("(?>a)", "atomic"),
        ("a(?i)b", "supported"), ("\\p{L}", "\\p{"), ("[a&&b]", "&&"), ("[z-a]", "ends before"),
        ("\\q", "\\q is not supported"), ("^*", "no character"), ("a\\", "\\ at the end"),
        ("[[a]", "must be written"), ("((((a{99}){99}){99}){99})", "too large"),
        (String(repeating: "(", count: 40), "within one another"),
        (String(repeating: "x", count: 1025), "too long"), ("\\u{110000}", "hexadecimal"),
    ]

    @Test(arguments: refused.indices)
    func whatIsNotTakenIsRefusedByName(index: Int) {
        let (pattern, cause) = Self.refused[index]
        #expect {
            try ValuePattern(pattern)
        } throws: { error in
            (error as? ValuePattern.Problem)?.text.contains(cause) == true
        }
    }

    /// Patterns over which engines that go back take longer than the world is old.
    @Test(arguments: [
        "^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "^(.*)*x$", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(.*a){12}", "^((((a*)*)*)*)*$", "a{0,200}a{200}", "((){1000}){1000}",
    ])
    func noPatternTakesLong(pattern: String) throws {
        let compiled = try ValuePattern(pattern)
        let text = String(repeating: "a", count: ValuePattern.valueLimit - 1) + "!"
        let start = ContinuousClock.now
        _ = compiled.matches(text)
        let time = ContinuousClock.now - start
        // Unoptimised and on a busy machine; what goes back takes years.
        #expect(time < .seconds(20))
    }

    /// Against Foundation's engine on random patterns of what both know and mean alike.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func itAgreesWithAnotherEngine(seed: UInt64) throws {
        var dice = SearchRandom(seed: seed)
        func pattern(_ depth: Int) -> String {
            switch Int.random(in: 0..<(depth > 2 ? 4 : 9), using: &dice) {
            case 0: return ["a", "b", "c"].randomElement(using: &dice)!
            case 1: return "."
            case 2: return ["[ab]", "[^a]", "\\d", "\\w"].randomElement(using: &dice)!
            case 3: return ["^", "$", "\\b"].randomElement(using: &dice)!
            case 4: return pattern(depth + 1) + pattern(depth + 1)
            case 5: return "(?:\(pattern(depth + 1))|\(pattern(depth + 1)))"
            case 6: return "(?:\(pattern(depth + 1)))*"
            case 7: return "(?:\(pattern(depth + 1))){1,2}"
            default: return "(?:\(pattern(depth + 1)))?"
            }
        }
        for _ in 0..<200 {
            let source = pattern(0)
            let ours = try ValuePattern(source)
            let theirs = try NSRegularExpression(pattern: source)
            for _ in 0..<6 {
                let length = Int.random(in: 0...6, using: &dice)
                let text = String(
                    (0..<length).map { _ in Array("abc1 ").randomElement(using: &dice)! })
                let range = NSRange(text.startIndex..., in: text)
                let expected = theirs.firstMatch(in: text, range: range) != nil
                #expect(ours.matches(text) == expected, "seed \(seed): \(source) on '\(text)'")
            }
        }
    }
}
