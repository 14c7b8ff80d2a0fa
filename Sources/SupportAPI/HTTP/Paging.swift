import NIOCore
package import ServiceDesk

extension APICall {
    /// Which page is asked for: `page[size]`, `page[after]`, `page[before]`, or `page` and `per_page`, which is also what
    /// a request without any of them means.
    package var page: PageRequest {
        get throws { try page(maxSize: 100) }
    }

    package func page(maxSize: Int) throws -> PageRequest {
        func number(_ key: String, default fallback: Int, max: Int) throws -> Int {
            guard let text = query[key], !text.isEmpty else { return fallback }
            guard let value = Int(text), value >= 1 else {
                throw DeskRefusal.badRequest(
                    name: "InvalidPaginationParameter", "\(key) must be an integer from 1 to \(max)"
                )
            }
            return value
        }
        if query["page[size]"] != nil || query["page[after]"] != nil || query["page[before]"] != nil
        {
            let size = try number("page[size]", default: 100, max: maxSize)
            guard size <= maxSize else {
                throw DeskRefusal.badRequest(
                    name: "InvalidPaginationParameter",
                    "page[size] must be an integer from 1 to \(maxSize)")
            }
            return .cursor(
                size: size, after: try cursor("page[after]"), before: try cursor("page[before]"))
        }
        let size = min(try number("per_page", default: 100, max: maxSize), maxSize)
        let page = try number("page", default: 1, max: 100)
        guard page <= 100 else {
            throw DeskRefusal.badRequest(
                name: "InvalidPaginationDepth",
                "Offset pages end at page 100; use page[size] and page[after] for the rest")
        }
        return .offset(page: page, size: size)
    }

    private func cursor(_ key: String) throws -> Cursor? {
        guard let text = query[key], !text.isEmpty else { return nil }
        guard let cursor = CursorText.decode(text) else {
            throw DeskRefusal.badRequest(
                name: "InvalidCursor", "\(key) is not a cursor of this API")
        }
        return cursor
    }
}

extension APICall {
    /// Of short lists that older clients take for whole: all of it unless a page is asked for.
    var wholePage: PageRequest {
        get throws {
            let isAsked = ["page", "per_page", "page[size]", "page[after]", "page[before]"]
                .contains { query[$0] != nil }
            return isAsked ? try page : .offset(page: 1, size: 2500)
        }
    }

    /// The numbers of records in the order that they are to have.
    func order(_ key: String) throws -> [Int64] {
        guard let ids = try FieldReader(json()).ids(key, max: 2500) else {
            throw DeskRefusal.badRequest(
                name: "InvalidRequest", "The body must be a JSON object with a list under \(key)")
        }
        return ids
    }
}

/// Cursors as clients see them: base64 of the order's name and the keys. Opaque, and worth nothing to forge: whatever they
/// point at, the query still shows only what the asker may see.
package enum CursorText {
    package static func encode(_ cursor: Cursor) -> String {
        let text = ([cursor.order] + cursor.keys.map(String.init)).joined(separator: "|")
        return AddressText.encode(Array(text.utf8))
    }

    package static func decode(_ text: String) -> Cursor? {
        guard text.utf8.count <= 512, let bytes = bytes(text),
            let plain = String(validating: bytes, as: UTF8.self)
        else { return nil }
        let parts = plain.split(separator: "|", omittingEmptySubsequences: false)
        guard parts.count >= 2, parts.count <= 5 else { return nil }
        let keys = parts.dropFirst().map { Int64($0) }
        guard !keys.contains(nil) else { return nil }
        return Cursor(order: String(parts[0]), keys: keys.map { $0! })
    }

    /// The six bits of each character of both alphabets, and `notBase64` of all others.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: notBase64, count: 256)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        for (value, character) in (alphabet + "-_").utf8.enumerated() {
            values[Int(character)] = UInt8(value)
        }
        values[Int(UInt8(ascii: "+"))] = 62
        values[Int(UInt8(ascii: "/"))] = 63
        return values
    }()
    private static let notBase64: UInt8 = 255

    /// What base64 of either alphabet stands for, padded or not; nil when another character is in it.
    static func bytes(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count * 3 / 4)
        var accumulator: UInt32 = 0
        var bits: UInt32 = 0
        let values = values
        for character in text.utf8 where character != UInt8(ascii: "=") {
            let value = values[Int(character)]
            if value == notBase64 { return nil }
            accumulator = accumulator << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(accumulator >> bits & 255))
            }
        }
        return bytes
    }
}

extension JSONWriter {
    /// A list and the members that lead to its other pages, in the form the request asked for.
    package mutating func page<Item>(
        _ name: StaticString, _ page: Page<Item>, _ call: APICall,
        write: (inout JSONWriter, Item) throws -> Void
    ) rethrows {
        try array(name) { json in for item in page.items { try write(&json, item) } }
        pageLinks(page, call)
    }

    package mutating func pageLinks<Item>(_ page: Page<Item>, _ call: APICall) {
        switch page.request {
        case .offset(let number, _):
            func link(_ number: Int) -> String {
                call.url(call.path) + "?"
                    + call.query.encoded(replacing: ["page"], with: [("page", String(number))])
            }
            member("next_page", page.hasMore && number < 100 ? link(number + 1) : nil)
            member("previous_page", number > 1 ? link(number - 1) : nil)
            member("count", page.count ?? 0)
        case .cursor(let size, _, _):
            func link(_ key: String, _ cursor: Cursor?) -> String? {
                cursor.map { cursor in
                    call.url(call.path) + "?"
                        + call.query.encoded(
                            replacing: ["page[after]", "page[before]", "page[size]"],
                            with: [(key, CursorText.encode(cursor)), ("page[size]", String(size))])
                }
            }
            object("meta") { json in
                json.member("has_more", page.hasMore)
                json.member("after_cursor", page.last.map(CursorText.encode))
                json.member("before_cursor", page.first.map(CursorText.encode))
            }
            object("links") { json in
                json.member("prev", link("page[before]", page.first))
                json.member("next", link("page[after]", page.last))
            }
        }
    }
}
