import ShardStore
import Wire

/// What stands for a word in an index: its tenant, its kind, and its bytes, of a long one only the first, as in `12tprinter`.
///
/// The tenant in front keeps the words of different tenants apart in one index. SQLite's `ascii` tokenizer takes each of these for one token: it
/// knows letters and digits, which are in lower case here, and every byte beyond ASCII. Number and kind end with the first letter, so
/// what stands for one tenant's word never begins what stands for another's.
enum WordTokens {
    /// Bytes of a word that count. What is cut is cut in texts and queries alike: long words that begin alike are then one.
    static let byteLimit = 48
    /// Words of a pattern that are asked for, the longest ones; leaving some out finds no less.
    private static let wordLimit = 8
    /// Patterns of a group that are asked for; leaving one out would find less, so a group with more narrows nothing.
    private static let patternLimit = 32
    /// Of a word of one letter that others begin with, the index would have to put together a large part of itself.
    private static let prefixMinimum = 2

    static func head(_ tenant: TenantID, _ kind: WordKind) -> [UInt8] {
        let letter: UInt8 =
            switch kind {
            case .ticket: 0x74
            }
        return Array(String(tenant.rawValue).utf8) + [letter]
    }

    /// A text of tokens for all words of a laid-out text.
    static func text(of words: [UInt8], head: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(words.count * 2)
        for word in words.split(separator: 0x20) {
            text += head
            text += cut(word)
            text.append(0x20)
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The query in the words of FTS5 (section 3 of its documentation); nil when nothing in it narrows.
    static func expression(_ query: WordQuery, head: [UInt8]) -> String? {
        let groups = query.groups.compactMap { group(of: $0, head) }
        return groups.isEmpty ? nil : groups.joined(separator: " AND ")
    }

    private static func group(of patterns: [WordQuery.Pattern], _ head: [UInt8]) -> String? {
        guard !patterns.isEmpty, patterns.count <= patternLimit else { return nil }
        var all: [String] = []
        for pattern in patterns {
            let words = pattern.filter { !$0.isPrefix || $0.bytes.count >= prefixMinimum }
                .sorted { $0.bytes.count > $1.bytes.count }.prefix(wordLimit)
            guard !words.isEmpty else { return nil }
            all.append("(\(words.map { token($0, head) }.joined(separator: " AND ")))")
        }
        return "(\(all.joined(separator: " OR ")))"
    }

    private static func token(_ word: WordQuery.Word, _ head: [UInt8]) -> String {
        let token = String(decoding: head + cut(word.bytes[...]), as: UTF8.self)
        // A beginning that is cut already is all that there is of the words it begins.
        return word.isPrefix && word.bytes.count <= byteLimit ? "\"\(token)\" *" : "\"\(token)\""
    }

    /// The word's first bytes, never a part of a letter.
    private static func cut(_ word: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard word.count > byteLimit else { return word }
        var end = word.startIndex + byteLimit
        while word[end] & 0xc0 == 0x80 { end -= 1 }
        return word[..<end]
    }
}
