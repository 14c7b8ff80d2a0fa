import Measurement
import NIOCore
import ServiceDesk
import ShardStore
import SupportAPI
import Wire

/// Rows to JSON and JSON to what a request wants, as the API does it.
enum JSONParts {
    static let all: [HotPart] = [
        HotPart("json-ticket", "JSON of a ticket", iterations: 40_000) { run in
            try encode(run, tickets: 1)
        },
        HotPart("json-list-25", "JSON of a list of 25 tickets", iterations: 1500) { run in
            try encode(run, tickets: 25)
        },
        HotPart("read-ticket", "a ticket's row, read and authorised", iterations: 16_000) { run in
            try read(run, tickets: 1)
        },
        HotPart("read-list-25", "the first 25 of a desk's tickets, read", iterations: 1500) { run in
            try read(run, tickets: 25)
        },
        HotPart("json-create", "body of a create to what it wants", iterations: 25_000) { run in
            try decode(run)
        },
        HotPart("cursor", "a page's cursor written and read", iterations: 40_000) { run in
            try cursor(run)
        },
    ]

    private static let origin = "https://acme.example.org"

    private static func withDesk<Result>(
        _ run: PartRun, _ body: (ReadingDesk) throws -> Result
    ) throws -> Result {
        let shard = try run.shard()
        let admin = shard.admins[0]
        return try shard.store.read(tenant: admin.tenant, now: shard.time) { rows in
            let credential = Credential.bearer(digest: Secrets.digest(admin.token))
            return try body(
                ReadingDesk(
                    rows: rows, principal: try Authenticator.principal(for: credential, in: rows)))
        }
    }

    private static func encode(_ run: PartRun, tickets count: Int) throws -> PartResult {
        try withDesk(run) { desk in
            let page = try desk.tickets(.all, .cursor(size: count, after: nil, before: nil))
            let catalog = try desk.catalog()
            try run.expect(page.items.count == count, "the desk has \(page.items.count) tickets")
            var json = ByteBuffer()
            var result = run.measure { _ in
                json = JSONWriter.write { json in
                    json.object { json in
                        if count == 1 {
                            json.key("ticket")
                            json.ticket(page.items[0], origin: origin, catalog)
                        } else {
                            json.array("tickets") { json in
                                for ticket in page.items {
                                    json.ticket(ticket, origin: origin, catalog)
                                }
                            }
                        }
                    }
                }
            }
            try expectTickets(run, json, page.items)
            result.bytesEach = Double(json.readableBytes)
            return result
        }
    }

    /// Looks whether the text is JSON that says these tickets.
    private static func expectTickets(
        _ run: PartRun, _ json: ByteBuffer, _ tickets: [Ticket]
    ) throws {
        let answer = try JSONParser.parse(json)
        var found: [JSONValue] = []
        if let ticket = answer["ticket"] { found = [ticket] }
        if case .array(let list)? = answer["tickets"] { found = list }
        try run.expect(found.count == tickets.count, "\(found.count) tickets are in the JSON")
        for (object, ticket) in zip(found, tickets) {
            try run.expect(
                object["id"] == .integer(ticket.id)
                    && object["url"] == .string("\(origin)/api/v2/tickets/\(ticket.id).json")
                    && object["subject"] == .string(ticket.subject)
                    && object["description"] == .string(ticket.description)
                    && object["status"] == .string(ticket.status.name),
                "ticket \(ticket.id) is another one in the JSON")
        }
    }

    private static func read(_ run: PartRun, tickets count: Int) throws -> PartResult {
        try withDesk(run) { desk in
            var read: [Ticket] = []
            let result = try run.measure { turn in
                if count == 1 {
                    read = [try desk.ticket(Int64(turn % 10 + 1))]
                } else {
                    read =
                        try desk.tickets(.all, .cursor(size: count, after: nil, before: nil)).items
                }
            }
            let ids = count == 1 ? [Int64((run.turns - 1) % 10 + 1)] : Array(1...Int64(count))
            try run.expect(read.map(\.id) == ids, "tickets \(read.map(\.id)) were read")
            try run.expect(
                read.allSatisfy { $0.description.utf8.count >= 500 }, "a description is missing")
            return result
        }
    }

    private static func decode(_ run: PartRun) throws -> PartResult {
        let text = String(repeating: "The kettle trips the fuse when it boils. ", count: 12)
        let body = ByteBuffer(
            string: """
                {"ticket":{"subject":"The kettle in the kitchen","comment":{"body":"\(text)\\n"},\
                "requester":{"name":"Ada Lovelace","email":"ada@example.com"},"priority":"high",\
                "tags":["kitchen","fuse"],"external_id":"K-1204"}}
                """)
        var changes = TicketChanges()
        var result = try run.measure { _ in
            guard let ticket = try JSONParser.parse(body)["ticket"] else {
                throw WrongOutcome(part: run.name, what: "there is no ticket in the body")
            }
            changes = try TicketDecoder.creation(FieldReader(ticket))
        }
        try run.expect(
            changes.subject == "The kettle in the kitchen" && changes.comment?.body == text + "\n"
                && changes.requester == .address(name: "Ada Lovelace", email: "ada@example.com")
                && changes.priority == .some(.high) && changes.tags == ["kitchen", "fuse"],
            "the body was read as something else")
        result.bytesEach = Double(body.readableBytes)
        return result
    }

    private static func cursor(_ run: PartRun) throws -> PartResult {
        func cursor(_ turn: Int) -> Cursor {
            Cursor(order: "updated_at", keys: [1_790_000_000_000 + Int64(turn), Int64(turn)])
        }
        var last: Cursor?
        let result = run.measure { turn in
            last = CursorText.decode(CursorText.encode(cursor(turn)))
        }
        try run.expect(last == cursor(run.turns - 1), "another cursor came back")
        return result
    }
}
