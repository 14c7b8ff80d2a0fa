/// Checks of single fields, with the dialect's words.
enum Validation {
    /// A text that must be there.
    static func required(_ text: String?, _ field: String, _ label: String, max: Int) throws
        -> String
    {
        let trimmed = text.map { trim($0) } ?? ""
        guard !trimmed.isEmpty else {
            throw DeskRefusal.invalid(field, .blank, "\(label): cannot be blank")
        }
        return try bounded(trimmed, field, label, max: max)
    }

    static func bounded(_ text: String, _ field: String, _ label: String, max: Int) throws -> String
    {
        guard text.utf8.count <= max else {
            throw DeskRefusal.invalid(
                field, .tooLong, "\(label): is too long (maximum is \(max) bytes)")
        }
        return text
    }

    /// A mail address in its usual form, in lower case. Not a full RFC 5322 parser: what it refuses, no mail server takes.
    static func email(_ text: String, _ field: String = "email") throws -> String {
        let address = trim(text).lowercased()
        let parts = address.split(separator: "@", omittingEmptySubsequences: false)
        let isValid =
            parts.count == 2 && !parts[0].isEmpty && parts[0].utf8.count <= 64
            && parts[1].utf8.count <= 253 && !parts[1].hasPrefix(".") && !parts[1].hasSuffix(".")
            && !parts[1].contains("..") && !parts[1].isEmpty
            && address.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value != 0x7f && !"()<>,;:\\\"[]".unicodeScalars.contains($0)
            }
        guard isValid else {
            throw DeskRefusal.invalid(
                field, .wrongType, "Email: \(address.prefix(100)) is not properly formatted")
        }
        return address
    }

    static func trim(_ text: String) -> String {
        var view = text[...]
        while let first = view.first, first.isWhitespace { view.removeFirst() }
        while let last = view.last, last.isWhitespace { view.removeLast() }
        return String(view)
    }
}

extension String? {
    /// An absent or empty text as nil, otherwise checked for length.
    func boundedOrNil(_ field: String, _ label: String, max: Int) throws -> String? {
        guard let self, !self.isEmpty else { return nil }
        return try Validation.bounded(self, field, label, max: max)
    }
}
