import ShardStore
import Testing
import Wire

@testable import ServiceDesk

@Suite("Links, splits and what may be seen of them")
struct LinkTests {
    @Test("a link reads from both ends, each in its own words", arguments: RelationKind.allCases)
    func bothEnds(kind: RelationKind) throws {
        let desk = try TestDesk()
        let (a, b) = (try desk.ticket().id, try desk.ticket().id)
        #expect(kind.counterpart.counterpart == kind && RelationKind(name: kind.name) == kind)
        guard !kind.isHistory else {
            #expect(try desk.refusal { try $0.linkTickets(a, kind, to: b) } != nil)
            return
        }
        let made = try desk.run { try $0.linkTickets(a, kind, to: b) }
        #expect(made.other.id == b)
        let (from, to) = try desk.run { (try $0.links(ofTicket: a), try $0.links(ofTicket: b)) }
        #expect(from.map(\.link.kind) == [kind] && from.map(\.other.id) == [b])
        #expect(to.map(\.link.kind) == [kind.counterpart] && to.map(\.other.id) == [a])
        #expect(
            try desk.refusal { try $0.linkTickets(b, kind.counterpart, to: a) }?.words
                == "Link: is there already")
        if kind != kind.counterpart {
            #expect(
                try desk.refusal { try $0.linkTickets(b, kind, to: a) }?.words
                    == "Kind: the tickets are linked the other way round")
        }
        for id in [a, b] {
            let events = try desk.run {
                try $0.audits(ofTicket: id, .offset(page: 1, size: 9)).items.last!.events
            }
            // The other ticket's number is nobody's who may only see this one.
            #expect(events == "[[\"Link\",\"\(made.link.id)\"]]")
        }
        try desk.run { try $0.unlinkTickets(b, made.link.id) }
        #expect(try desk.run { try $0.links(ofTicket: a).isEmpty })
        #expect(try desk.number("SELECT count(*) FROM ticket_links WHERE tenant = ?1") == 0)
    }

    @Test("links that make no sense are refused, and go with their tickets")
    func refusals() throws {
        let desk = try TestDesk()
        let (a, b) = (try desk.ticket().id, try desk.ticket().id)
        func words(_ kind: RelationKind?, _ other: Int64?) throws -> String? {
            try desk.refusal { try $0.linkTickets(a, kind, to: other) }?.words
        }
        #expect(try words(nil, b) == "Kind: cannot be blank")
        #expect(try words(.related, nil) == "Ticket: cannot be blank")
        #expect(try words(.related, a) == "Ticket: a ticket cannot be linked to itself")
        #expect(try words(.related, 99) == "Ticket: does not exist")
        for _ in 0..<TicketLink.limit {
            let other = try desk.ticket().id
            _ = try desk.run { try $0.linkTickets(a, .related, to: other) }
        }
        #expect(try words(.related, b) == "Links: a ticket may have 100")
        #expect(
            try desk.refusal { try $0.linkTickets(b, .related, to: a) }?.words
                == "Links: a ticket may have 100")
        try desk.run { try $0.deleteTicket(a) }
        #expect(try desk.run { try $0.links(ofTicket: 3) }.isEmpty)
        try desk.run { try $0.eraseTicket(a) }
        #expect(try desk.number("SELECT count(*) FROM ticket_links WHERE tenant = ?1") == 0)
    }

    @Test("a split takes comments along as they were said")
    func splitting() throws {
        let desk = try TestDesk()
        let (ben, jane) = (try desk.agent(), try desk.endUser())
        let group = try desk.group("Lab")
        let old = try desk.ticket {
            $0.requester = .id(desk.admin)
            $0.groupID = group
            $0.tags = ["old"]
        }
        desk.pass(milliseconds: 1000)
        let asked = try desk.update(old.id) {
            $0.comment = CommentDraft(body: "And the scanner?", authorID: jane)
        }.audit!
        desk.pass(milliseconds: 1000)
        try desk.update(old.id, as: ben) { $0.comment = CommentDraft(body: "Not this one") }
        desk.pass(milliseconds: 1000)
        let noted = try desk.update(old.id, as: ben) {
            $0.comment = CommentDraft(body: "broken", isPublic: false)
        }.audit!
        desk.pass(milliseconds: 1000)
        let chosen = [noted.comment!.id, asked.comment!.id, asked.comment!.id]
        var changes = TicketChanges()
        changes.tags = ["scanner"]
        let wanted = changes
        let made = try desk.run(as: ben) {
            try $0.splitTicket(old.id, commentIDs: chosen, wanted) { "t" }
        }.ticket
        #expect(made.subject == old.subject && made.description == "And the scanner?")
        #expect(made.requesterID == jane && made.groupID == group && made.tags == ["scanner"])
        #expect(made.createdAt == desk.now && made.latestCommentAt == noted.createdAt)
        let comments = try desk.run {
            try $0.comments(made.id, .offset(page: 1, size: 9))
        }
        #expect(comments.count == 2)
        #expect(comments.items.map { $0.comment!.body } == ["And the scanner?", "broken"])
        #expect(comments.items.map { $0.comment!.authorID } == [jane, ben])
        #expect(comments.items.map(\.createdAt) == [asked.createdAt, noted.createdAt])
        #expect(comments.items.map { $0.comment!.isPublic } == [true, false])
        #expect(made.isPublic && made.publicCommentCount == 1)
        // The old one keeps all it had.
        let still = try desk.run { try $0.comments(old.id, .offset(page: 1, size: 9)) }
        #expect(still.count == 4 && still.items.map { $0.comment!.id }.contains(asked.comment!.id))
        let (here, there) = try desk.run {
            (try $0.links(ofTicket: old.id), try $0.links(ofTicket: made.id))
        }
        #expect(here.map(\.link.kind) == [.splitInto] && there.map(\.link.kind) == [.splitFrom])
        #expect(here[0].link.commentIDs == [asked.comment!.id, noted.comment!.id])
        #expect(there[0].link.commentIDs == comments.items.map { $0.comment!.id })
        for id in [old.id, made.id] {
            let audits = try desk.run {
                try $0.audits(ofTicket: id, .offset(page: 1, size: 9)).items
            }
            #expect(audits.contains { $0.events.contains("[\"Split\",\"\(here[0].link.id)\"]") })
        }
        #expect(
            try desk.refusal { try $0.unlinkTickets(old.id, here[0].link.id) }?.words
                == "Link: says where comments came from and stays")
        func words(_ ids: [Int64], as user: Int64? = nil) throws -> String? {
            try desk.refusal(as: user) {
                try $0.splitTicket(old.id, commentIDs: ids, TicketChanges()) { "t" }
            }?.words
        }
        #expect(try words([]) == "Comment ids: cannot be blank")
        #expect(try words([asked.comment!.id])?.contains("was split off before") == true)
        #expect(
            try words([comments.items[0].comment!.id])?.contains("not a comment of this ticket")
                == true)
        #expect(try words([.min, .max])?.contains("not a comment") == true)
        #expect(try words(Array(1...101))?.contains("at most 100") == true)
        #expect(try words([1], as: jane) == "You do not have access to this page")
        // A ticket of what only agents may read is one that only agents see.
        let hidden = try desk.update(old.id) {
            $0.comment = CommentDraft(body: "hush", isPublic: false)
        }.audit!.comment!.id
        let quiet = try desk.run {
            try $0.splitTicket(old.id, commentIDs: [hidden], TicketChanges()) { "u" }
        }.ticket
        #expect(quiet.isPublic == false && quiet.publicCommentCount == 0)
        #expect(try desk.store.scrub().isEmpty)
    }

    /// Complaint 26: side panels that show the subjects of confidential tickets, ids that open what is not shared.
    @Test("no way of reading relations leads to a ticket that the reader may not see")
    func complaint26NoRelationLeaksATicket() throws {
        let desk = try TestDesk()
        let vault = try desk.group("Vault")
        let (ben, jane) = (try desk.agent(), try desk.endUser())
        _ = try desk.run { writer in
            var changes = UserChanges()
            changes.restriction = .groups
            return try writer.updateUser(ben, changes, agentLimit: 100)
        }
        func secret(_ change: (inout TicketChanges) -> Void = { _ in }) throws -> Int64 {
            try desk.ticket {
                $0.groupID = vault
                $0.subject = "Confidential"
                $0.emailCCIDs = [jane]
                $0.followerIDs = [ben]
                change(&$0)
            }.id
        }
        let seen = try desk.ticket {
            $0.type = .problem
            $0.assigneeID = ben
            $0.emailCCIDs = [jane]
        }.id
        let incident = try secret {
            $0.type = .incident
            $0.problemID = seen
        }
        let problem = try secret { $0.type = .problem }
        let linked = try secret()
        let link = try desk.run { try $0.linkTickets(linked, .blocks, to: seen) }.link.id
        let merged = try secret()
        try MergeTests.merge(desk, [merged], into: seen) { $0.targetComment = "merged" }
        let split = try desk.run { writer in
            let comment = try writer.lastComment(of: linked, publicOnly: false)!.id
            return try writer.splitTicket(linked, commentIDs: [comment], TicketChanges()) { "t" }
        }.ticket.id
        try desk.update(split) { $0.groupID = vault }
        let secrets: Set<Int64> = [incident, problem, linked, merged, split]
        let page = PageRequest.offset(page: 1, size: 100)

        // Every secret is there for who may see all.
        #expect(try desk.run { try $0.tickets(.incidents(of: seen), page).items.count } == 1)
        #expect(try desk.run { try $0.links(ofTicket: seen).count } == 1)

        let own = try desk.run(as: ben) { reader in
            let related = try reader.relatedTickets(of: seen)
            #expect(related.incidents == 0 && related.merges.isEmpty && related.links.isEmpty)
            #expect(try reader.links(ofTicket: seen).isEmpty)
            #expect(try reader.problems(containing: "Confid").isEmpty)
            var found: [Int64] = []
            for filter in [
                TicketFilter.incidents(of: seen), .problems, .copiedTo(jane), .followedBy(ben),
                .all,
            ] {
                let list = try reader.tickets(filter, page)
                #expect(list.count == Int64(list.items.count))
                #expect(try reader.ticketCount(filter) == list.count)
                found += list.items.map(\.id)
            }
            return found
        }
        #expect(secrets.isDisjoint(with: own) && own.contains(seen))
        for id in secrets {
            for refused in [
                try desk.refusal(as: ben) { try $0.relatedTickets(of: id) },
                try desk.refusal(as: ben) { try $0.links(ofTicket: id) },
                try desk.refusal(as: ben) { try $0.tickets(.incidents(of: id), page) },
                try desk.refusal(as: ben) {
                    try $0.watchers(ofTicket: id, [.copy, .follower], page)
                },
                try desk.refusal(as: ben) { try $0.unmergeTicket(id) },
                try desk.refusal(as: ben) {
                    try $0.splitTicket(id, commentIDs: [1], TicketChanges()) { "t" }
                },
            ] { #expect(refused == .notFound) }
            #expect(
                try desk.refusal(as: ben) { try $0.linkTickets(seen, .related, to: id) }?.words
                    == "Ticket: does not exist")
        }
        #expect(try desk.refusal(as: ben) { try $0.unlinkTickets(seen, link) } == .notFound)
        // Events of what was done to both tickets name no ticket.
        let audits = try desk.run(as: ben) { try $0.audits(ofTicket: seen, page).items }
        for audit in audits {
            for event in StoredJSON(audit.events)?.items ?? [] {
                guard ["Merge", "Link", "Split"].contains(event.items[0].string) else { continue }
                let number = Int64(event.items[1].string ?? "")
                #expect(number.map(secrets.contains) == false)
            }
        }
        // Who only gets copies knows nothing of relations at all, nor of what is hidden from customers.
        let copied = try desk.run(as: jane) { try $0.copiedRequests(page).items.map(\.id) }
        #expect(Set(copied) == [seen, incident, problem, linked, merged])
        try desk.run {
            let comment = try $0.comments(incident, page).items[0].comment!.id
            try $0.makeCommentPrivate(incident, comment)
        }
        #expect(
            try desk.run(as: jane) { try $0.copiedRequests(page).items.map(\.id) }.contains(
                incident) == false)
        #expect(try desk.refusal(as: jane) { try $0.tickets(.copiedTo(jane), page) } != nil)
        #expect(try desk.refusal(as: jane) { try $0.problems(containing: "") } != nil)
    }
}
