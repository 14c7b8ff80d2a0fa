import ShardStore
import Testing
import Wire

@testable import ServiceDesk

@Suite("The life of a ticket")
struct TicketLifecycleTests {
    /// What an agent's wish makes of an assigned ticket; nil is a refusal. `new` is open as soon as it is assigned.
    static let moves: [(from: TicketStatus, to: TicketStatus, becomes: TicketStatus?)] = [
        (.open, .new, nil), (.open, .open, .open), (.open, .pending, .pending),
        (.open, .hold, .hold), (.open, .solved, .solved), (.open, .closed, .closed),
        (.pending, .new, nil), (.pending, .open, .open), (.pending, .pending, .pending),
        (.pending, .hold, .hold), (.pending, .solved, .solved), (.pending, .closed, .closed),
        (.hold, .new, nil), (.hold, .open, .open), (.hold, .pending, .pending),
        (.hold, .hold, .hold), (.hold, .solved, .solved), (.hold, .closed, .closed),
        (.solved, .new, nil), (.solved, .open, .open), (.solved, .pending, .pending),
        (.solved, .hold, .hold), (.solved, .solved, .solved), (.solved, .closed, .closed),
        (.closed, .new, nil), (.closed, .open, nil), (.closed, .pending, nil),
        (.closed, .hold, nil), (.closed, .solved, nil), (.closed, .closed, nil),
    ]

    @Test("an agent moves a ticket from each status to each other, or is refused", arguments: moves)
    func pairs(_ from: TicketStatus, _ to: TicketStatus, _ becomes: TicketStatus?) throws {
        let desk = try TestDesk()
        let ben = try desk.agent()
        let ticket = try desk.ticket {
            $0.assigneeID = ben
            $0.status = from
        }
        #expect(ticket.status == from)
        if let becomes {
            #expect(try desk.update(ticket.id, as: ben) { $0.status = to }.ticket.status == becomes)
        } else {
            #expect(throws: DeskRefusal.self) {
                try desk.update(ticket.id, as: ben) { $0.status = to }
            }
        }
    }

    @Test("a new ticket is opened by its assignment and by nothing else")
    func assignmentOpens() throws {
        let desk = try TestDesk()
        let ben = try desk.agent()
        let ticket = try desk.ticket()
        #expect(ticket.status == .new)
        #expect(try desk.update(ticket.id) { $0.priority = .high }.ticket.status == .new)
        #expect(try desk.update(ticket.id) { $0.assigneeID = ben }.ticket.status == .open)
    }

    @Test(
        "the requester's comment opens what waited or was done",
        arguments: [TicketStatus.pending, .hold, .solved])
    func reopens(_ status: TicketStatus) throws {
        let desk = try TestDesk()
        let (ben, jane) = (try desk.agent(), try desk.endUser())
        let id = try desk.ticket {
            $0.requester = .id(jane)
            $0.assigneeID = ben
            $0.status = status
        }.id
        let write = try desk.run(as: jane) {
            try $0.updateRequest(id, comment: CommentDraft(body: "Still smokes"), solved: false)
        }
        #expect(write.ticket.status == .open)
        #expect(write.audit?.events == #"[["Change","status","open","\#(status.name)"]]"#)
        #expect(write.ticket.metrics.reopens == (status == .solved ? 1 : 0))
    }

    @Test("a ticket solved for four days is closed, and closed it takes only a follow-up")
    func closing() throws {
        let desk = try TestDesk()
        let id = try desk.ticket {
            $0.assigneeID = desk.admin
            $0.status = .solved
        }.id
        func close() throws -> Int {
            try desk.transact { try $0.runTimers(limit: 10) }
        }
        desk.pass(days: 4)
        #expect(try close() == 0)
        #expect(
            try desk.refusal { try $0.createTicket(Self.followup(of: id)) }
                == .invalid(
                    "via_followup_source_id", .invalid,
                    "Followup source: only a closed ticket can have a follow-up"))
        desk.pass(milliseconds: 1)
        #expect(try close() == 1)
        #expect(try close() == 0)
        #expect(try desk.run { try $0.ticket(id) }.status == .closed)
        #expect(
            try desk.refusal { try $0.changeTags(id, .add, ["late"]) }
                == .invalid("status", .invalid, "Status: closed prevents ticket update"))
        let next = try desk.run { try $0.createTicket(Self.followup(of: id)) }.ticket
        #expect(next.followupSourceID == id)
        #expect(try desk.run { try $0.ticket(id) }.followupIDs == [next.id])
    }

    static func followup(of id: Int64) -> TicketChanges {
        var changes = TicketChanges()
        changes.comment = CommentDraft(body: "Again")
        changes.followupSourceID = id
        return changes
    }

    @Test("a deleted ticket is gone until it is restored, an erased one for good")
    func deletion() throws {
        let desk = try TestDesk()
        let id = try desk.ticket().id
        #expect(try desk.refusal { try $0.eraseTicket(id) } == .notFound)
        try desk.run { try $0.deleteTicket(id) }
        #expect(try desk.refusal { try $0.ticket(id) } == .notFound)
        #expect(try desk.refusal { try $0.deleteTicket(id) } == .notFound)
        try desk.run { try $0.restoreTicket(id) }
        #expect(try desk.run { try $0.ticket(id) }.deletedAt == nil)
        // Its history says so, and that it is the last that was changed.
        let audits = try desk.run { try $0.audits(ofTicket: id, .offset(page: 1, size: 9)) }
        #expect(audits.items.map(\.events).last == #"[["Restore",""]]"#)
        try desk.run { try $0.deleteTicket(id) }
        try desk.run { try $0.eraseTicket(id) }
        #expect(try desk.refusal { try $0.restoreTicket(id) } == .notFound)
        #expect(try desk.number("SELECT count(*) FROM audits WHERE tenant = ?1") == 0)
    }

    @Test("numbers stay consecutive whatever is refused between")
    func numbers() throws {
        let desk = try TestDesk()
        for expected in 1...5 {
            // Refused late, after the number was drawn.
            #expect(throws: DeskRefusal.self) { try desk.ticket { $0.assigneeID = 12_345 } }
            #expect(try desk.ticket().id == Int64(expected))
        }
    }

    @Test("who leaves the group loses its unsolved tickets and keeps the solved")
    func leaving() throws {
        let desk = try TestDesk()
        let ben = try desk.agent()
        let open = try desk.ticket { $0.assigneeID = ben }
        let solved = try desk.ticket {
            $0.assigneeID = ben
            $0.status = .solved
        }
        let (team, other) = (open.groupID!, try desk.group("Level Two"))
        #expect(
            try desk.refusal {
                var changes = TicketChanges()
                changes.groupID = other
                changes.assigneeID = ben
                return try $0.updateTicket(open.id, changes)
            }
                == .invalid(
                    "assignee_id", .invalid, "Assignee: is not a member of the group"))
        try desk.run { try $0.leaveTeam(user: ben, team: team) }
        #expect(try desk.run { try $0.ticket(open.id) }.assigneeID == nil)
        #expect(try desk.run { try $0.ticket(solved.id) }.assigneeID == ben)
    }

    @Test("the requester sees public comments and nothing private")
    func privacy() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        let id = try desk.ticket { $0.requester = .id(jane) }.id
        try desk.update(id) { $0.comment = CommentDraft(body: "secret", isPublic: false) }
        let page = PageRequest.cursor(size: 100, after: nil, before: nil)
        let seen = try desk.run(as: jane) { try $0.comments(id, asRequest: true, page) }.items
        #expect(seen.map { $0.comment?.body } == ["It smokes"])
        let hidden = try desk.ticket {
            $0.requester = .id(jane)
            $0.comment?.isPublic = false
        }.id
        #expect(try desk.refusal(as: jane) { try $0.request(hidden) } == .notFound)
    }

    @Test("an audit names every field with its value before, in one order")
    func audits() throws {
        let desk = try TestDesk()
        let id = try desk.ticket {
            $0.priority = .low
            $0.tags = ["b", "a"]
        }.id
        let page = PageRequest.cursor(size: 100, after: nil, before: nil)
        let made = try desk.run { try $0.audits(ofTicket: id, page) }.items[0]
        #expect(
            made.events
                == #"[["Create","subject","Printer"],["Create","status","new"],"#
                + #"["Create","requester_id","\#(desk.admin)"],["Create","priority","low"],"#
                + #"["Create","tags",["a","b"]]]"#)
        let changed = try desk.update(id) {
            $0.priority = .some(nil)
            $0.removedTags = ["a"]
            $0.status = .hold
        }
        #expect(
            changed.audit?.events
                == #"[["Change","status","hold","new"],["Change","priority",null,"low"],"#
                + #"["Change","tags",["b"],["a","b"]]]"#)
        #expect(try desk.update(id) { $0.status = .hold }.audit == nil)
    }

    @Test("a safe update of what changed since is refused")
    func safeUpdate() throws {
        let desk = try TestDesk()
        let old = try desk.ticket()
        desk.pass(milliseconds: 1000)
        func update() throws {
            try desk.update(old.id) {
                $0.isSafe = true
                $0.updatedStamp = old.updatedAt
                $0.additionalTags = ["x\(desk.now.seconds)"]
            }
        }
        try update()
        desk.pass(milliseconds: 1000)
        #expect(throws: DeskRefusal.self) { try update() }
    }
}
