import ShardStore
import Testing
import Wire

@testable import ServiceDesk

@Suite("Copies and followers")
struct WatcherTests {
    @Test("people are put on a ticket and taken off it one by one, by number or address")
    func changes() throws {
        let desk = try TestDesk()
        let (ben, jane) = (try desk.agent(), try desk.endUser())
        let id = try desk.ticket {
            $0.watcherChanges = [
                .init(.follower, .address(name: nil, email: "ben@desk.test")),
                .init(.copy, .id(jane)),
                .init(.copy, .address(name: "New One", email: "New@Other.test")),
            ]
        }.id
        let made = try desk.run { try $0.ticket(id) }
        #expect(made.followerIDs == [ben] && made.emailCCIDs.count == 2)
        let people = try desk.run {
            try $0.watchers(ofTicket: id, [.copy], .offset(page: 1, size: 9))
        }
        #expect(people.items.map(\.name) == ["Jane", "New One"])
        #expect(people.items.map(\.role) == [.endUser, .endUser])
        try desk.update(id) {
            $0.watcherChanges = [
                .init(.copy, .address(name: nil, email: "new@other.test"), isRemoval: true),
                .init(.copy, .address(name: nil, email: "nobody@other.test"), isRemoval: true),
                .init(.follower, .id(ben), isRemoval: true),
            ]
        }
        let after = try desk.run { try $0.ticket(id) }
        #expect(after.followerIDs == [] && after.emailCCIDs == [jane])
        #expect(try desk.number("SELECT count(*) FROM users WHERE tenant = ?1") == 4)
        for (change, words) in [
            (WatcherChange(.follower, .id(jane)), "Followers: is not an agent of this desk"),
            (
                .init(.follower, .address(name: nil, email: "x@y.test")),
                "Followers: is not an agent of this desk"
            ),
            (.init(.copy, .id(99)), "CCs: is not a user of this desk"),
        ] {
            var changes = TicketChanges()
            changes.watcherChanges = [change]
            let wanted = changes
            #expect(try desk.refusal { try $0.updateTicket(id, wanted) }?.words == words)
        }
    }

    @Test("who has left holds up nobody, and is not shown")
    func left() throws {
        let desk = try TestDesk()
        let (ben, jane, joe) = (try desk.agent(), try desk.endUser(), try desk.endUser("Joe"))
        let id = try desk.ticket {
            $0.emailCCIDs = [jane]
            $0.followerIDs = [ben]
        }.id
        _ = try desk.run {
            _ = try $0.deleteUser(jane)
            return try $0.deleteUser(ben)
        }
        try desk.update(id) { $0.watcherChanges = [.init(.copy, .id(joe))] }
        let shown = try desk.run {
            try $0.watchers(ofTicket: id, [.copy, .follower], .offset(page: 1, size: 9)).items
        }
        #expect(shown.map(\.id) == [joe])
    }

    @Test("at most 48 of a kind")
    func limit() throws {
        let desk = try TestDesk()
        let people = try (0..<49).map { try desk.endUser("P\($0)") }
        let id = try desk.ticket { $0.emailCCIDs = Array(people.dropLast()) }.id
        var changes = TicketChanges()
        changes.watcherChanges = [.init(.copy, .id(people[48]))]
        let wanted = changes
        #expect(
            try desk.refusal { try $0.updateTicket(id, wanted) }
                == .invalid("email_cc_ids", .tooLong, "CCs: at most 48 are allowed"))
        #expect(try desk.update(id) { $0.emailCCIDs = [] }.ticket.emailCCIDs.isEmpty)
    }

    @Test("a customer with a copy reads and answers the public part, until the copy is taken away")
    func access() throws {
        let desk = try TestDesk()
        let (jane, joe) = (try desk.endUser(), try desk.endUser("Joe"))
        let id = try desk.ticket {
            $0.requester = .id(jane)
            $0.emailCCIDs = [joe]
        }.id
        try desk.update(id) { $0.comment = CommentDraft(body: "inside", isPublic: false) }
        #expect(try desk.run(as: joe) { try $0.request(id) }.id == id)
        let seen = try desk.run(as: joe) {
            try $0.comments(id, asRequest: true, .offset(page: 1, size: 9))
        }
        #expect(seen.items.count == 1 && seen.count == 1)
        #expect(
            try desk.run(as: joe) { try $0.copiedRequests(.offset(page: 1, size: 9)) }.count == 1)
        #expect(try desk.run(as: joe) { try $0.requests(.offset(page: 1, size: 9)) }.count == 0)
        let said = try desk.run(as: joe) {
            try $0.updateRequest(id, comment: CommentDraft(body: "me too"), solved: false)
        }
        #expect(said.audit?.comment?.isPublic == true)
        #expect(
            try desk.refusal(as: joe) {
                try $0.updateRequest(id, comment: nil, solved: true)
            } == .forbidden("Only who asked may say that it is solved"))
        for refused in [
            try desk.refusal(as: joe) { try $0.ticket(id) },
            try desk.refusal(as: joe) { try $0.audits(ofTicket: id, .offset(page: 1, size: 9)) },
            try desk.refusal(as: joe) {
                try $0.watchers(ofTicket: id, [.copy], .offset(page: 1, size: 9))
            },
            try desk.refusal(as: joe) { try $0.relatedTickets(of: id) },
            try desk.refusal(as: joe) { try $0.links(ofTicket: id) },
        ] { #expect(refused != nil) }
        try desk.update(id) { $0.emailCCIDs = [] }
        #expect(try desk.refusal(as: joe) { try $0.request(id) } == .notFound)
        #expect(
            try desk.refusal(as: joe) {
                try $0.comments(id, asRequest: true, .offset(page: 1, size: 9))
            } == .notFound)
        #expect(
            try desk.refusal(as: joe) {
                try $0.updateRequest(id, comment: CommentDraft(body: "x"), solved: false)
            } == .notFound)
        #expect(
            try desk.run(as: joe) { try $0.copiedRequests(.offset(page: 1, size: 9)) }.count == 0)
    }

    @Test("tickets are found by who watches them, without those that are deleted")
    func lists() throws {
        let desk = try TestDesk()
        let (ben, jane) = (try desk.agent(), try desk.endUser())
        let ids = try (0..<4).map { _ in
            try desk.ticket {
                $0.emailCCIDs = [jane, ben]
                $0.followerIDs = [ben]
            }.id
        }
        try desk.run { try $0.deleteTicket(ids[0]) }
        try desk.update(ids[1]) { $0.emailCCIDs = [ben] }
        func found(_ filter: TicketFilter) throws -> [Int64] {
            let page = try desk.run { try $0.tickets(filter, .offset(page: 1, size: 9)) }
            #expect(page.count == Int64(page.items.count))
            return page.items.map(\.id)
        }
        #expect(try found(.copiedTo(jane)) == [ids[2], ids[3]])
        #expect(try found(.copiedTo(ben)) == Array(ids[1...]))
        #expect(try found(.followedBy(ben)) == Array(ids[1...]))
        #expect(try found(.followedBy(jane)) == [])
        try desk.run { try $0.restoreTicket(ids[0]) }
        #expect(try found(.copiedTo(jane)) == [ids[0], ids[2], ids[3]])
    }

    @Test("a follow-up has the closed ticket's fields, tags and people")
    func followUp() throws {
        let desk = try TestDesk()
        let (ben, jane, joe, gone) = (
            try desk.agent(), try desk.endUser(), try desk.endUser("Joe"), try desk.endUser("Gone")
        )
        let closed = try desk.ticket {
            $0.requester = .id(jane)
            $0.subject = "Printer on fire"
            $0.tags = ["hot"]
            $0.priority = .high
            $0.type = .task
            $0.emailCCIDs = [joe, gone]
            $0.followerIDs = [ben]
            $0.status = .closed
        }
        _ = try desk.run { try $0.deleteUser(gone) }
        var changes = TicketLifecycleTests.followup(of: closed.id)
        let asked = changes
        let next = try desk.run(as: ben) { try $0.createTicket(asked) }.ticket
        #expect(next.requesterID == jane && next.subject == "Printer on fire")
        #expect(next.tags == ["hot"] && next.priority == .high && next.type == .task)
        #expect(next.emailCCIDs == [joe] && next.followerIDs == [ben])
        let source = try desk.run { try $0.ticket(closed.id) }
        #expect(source.followupIDs == [next.id] && source.version == closed.version + 1)
        changes.requester = .id(joe)
        changes.tags = ["cold"]
        let other = changes
        let second = try desk.run { try $0.createTicket(other) }.ticket
        #expect(second.requesterID == joe && second.tags == ["cold"] && second.emailCCIDs == [])
        let own = try desk.run(as: jane) { try $0.createRequest(asked) }.ticket
        #expect(own.requesterID == jane && own.emailCCIDs == [joe])
        let related = try desk.run { try $0.relatedTickets(of: closed.id) }
        #expect(related.followupIDs == [next.id, second.id, own.id])
        #expect(try desk.run { try $0.relatedTickets(of: own.id) }.followupSourceIDs == [closed.id])
    }
}
