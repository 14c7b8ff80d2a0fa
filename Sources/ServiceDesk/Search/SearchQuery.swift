/// A search as its author wrote it, cut into terms: `type:ticket status<solved "paper jam" -printer created>4hours`.
///
/// The field's existing query language (service-desk dialect, "search reference"):
/// - a word finds words that begin so; `"a phrase"` finds these words next to each other, each as a whole; a `*` at the end
///   says "begins so" where that is not meant anyway, and alone "anything";
/// - `field:value`, `field<value`, `<=`, `>`, `>=`; the value may be quoted;
/// - `-` in front of a term: what has it is left out.
///
/// What a field means is the plan's business. A text that is no term, such as `12:30` or `https://…`, is taken as words.
package struct SearchQuery: Sendable, Equatable {
    /// The longest query, in bytes of UTF-8.
    package static let byteLimit = 1000
    /// The most terms a query may have.
    package static let termLimit = 64

    package let terms: [SearchTerm]

    /// - Throws: 400 `InvalidQuery` beyond the limits; anything shorter is some query.
    package init(_ text: String) throws(DeskRefusal) {
        guard text.utf8.count <= Self.byteLimit else {
            throw .badRequest(
                name: "InvalidQuery",
                "query has \(text.utf8.count) bytes; at most \(Self.byteLimit) are allowed")
        }
        var scanner = SearchScanner(text)
        var terms: [SearchTerm] = []
        while let term = scanner.next() {
            guard terms.count < Self.termLimit else {
                throw .badRequest(
                    name: "InvalidQuery", "query has more than \(Self.termLimit) terms")
            }
            terms.append(term)
        }
        self.terms = terms
    }
}

/// One condition of a search.
package struct SearchTerm: Sendable, Equatable {
    package enum Comparison: String, Sendable, CaseIterable {
        case equal = ":"
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
    }

    package var isNegated = false
    /// In lower case; nil for words that may stand anywhere.
    package var field: String?
    package var comparison = Comparison.equal
    /// Without quotes and without the `*` at the end.
    package var value: String
    package var isQuoted = false
    /// Whether a `*` stood at the end.
    package var hasWildcard = false

    package init(
        _ value: String, field: String? = nil, _ comparison: Comparison = .equal,
        isNegated: Bool = false, isQuoted: Bool = false, hasWildcard: Bool = false
    ) {
        self.isNegated = isNegated
        self.field = field
        self.comparison = comparison
        self.value = value
        self.isQuoted = isQuoted
        self.hasWildcard = hasWildcard
    }

    /// `none`, not quoted: the field is empty.
    var isNone: Bool { !isQuoted && !hasWildcard && value.lowercased() == "none" }
    /// A lone `*`: the field is not empty.
    var isAnything: Bool { hasWildcard && value.isEmpty }
}

/// Cuts a query into terms, from left to right, looking at each character a bounded number of times.
private struct SearchScanner {
    private let scalars: [Unicode.Scalar]
    private var place = 0

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func next() -> SearchTerm? {
        while let scalar = peek(), scalar.properties.isWhitespace { place += 1 }
        guard peek() != nil else { return nil }
        let isNegated = peek() == "-" && peek(1).map { !$0.properties.isWhitespace } ?? false
        if isNegated { place += 1 }
        let start = place
        if let (field, comparison) = takeField() {
            let isAddress = comparison == .equal && peek() == "/" && peek(1) == "/"
            let isBlank = peek().map(\.properties.isWhitespace) ?? true
            if !isAddress && !isBlank {
                return takeValue(field: field, comparison, isNegated: isNegated)
            }
            place = start
        }
        return takeValue(field: nil, .equal, isNegated: isNegated)
    }

    private func peek(_ ahead: Int = 0) -> Unicode.Scalar? {
        place + ahead < scalars.count ? scalars[place + ahead] : nil
    }

    private mutating func takeField() -> (String, SearchTerm.Comparison)? {
        var name = String.UnicodeScalarView()
        while let scalar = peek(name.count) {
            let isLetter = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
            let isDigit = ("0"..."9").contains(scalar)
            guard isLetter || scalar == "_" || (isDigit && !name.isEmpty) else { break }
            name.append(scalar)
        }
        guard !name.isEmpty, let sign = peek(name.count), ":<>".unicodeScalars.contains(sign) else {
            return nil
        }
        place += name.count + 1
        let orEqual = sign != ":" && peek() == "="
        if orEqual { place += 1 }
        let comparison: SearchTerm.Comparison =
            switch sign {
            case "<": orEqual ? .lessOrEqual : .less
            case ">": orEqual ? .greaterOrEqual : .greater
            default: .equal
            }
        return (String(name).lowercased(), comparison)
    }

    private mutating func takeValue(
        field: String?, _ comparison: SearchTerm.Comparison, isNegated: Bool
    ) -> SearchTerm {
        var value = String.UnicodeScalarView()
        let isQuoted = peek() == "\""
        var hasWildcard = false
        if isQuoted {
            place += 1
            while let scalar = peek(), scalar != "\"" {
                value.append(scalar)
                place += 1
            }
            place += 1
            if peek() == "*" {
                hasWildcard = true
                place += 1
            }
        } else {
            while let scalar = peek(), !scalar.properties.isWhitespace {
                value.append(scalar)
                place += 1
            }
            while value.last == "*" {
                value.removeLast()
                hasWildcard = true
            }
        }
        return SearchTerm(
            String(value), field: field, comparison, isNegated: isNegated, isQuoted: isQuoted,
            hasWildcard: hasWildcard)
    }
}
