import SQLite
import ShardStore
import Testing
import Wire

@testable import ServiceDesk

@Suite("Merging tickets, and undoing it")
struct MergeTests {
    static func merge(
        _ desk: TestDesk, _ sources: [Int64], into target: Int64, as user: Int64? = nil,
        _ change: (inout MergeRequest) -> Void = { _ in }
    ) throws {
        var request = MergeRequest(targetID: target, sourceIDs: sources)
        change(&request)
        let wanted = request
        var number = 0
        _ = try desk.run(as: user) { writer in
            try writer.mergeTickets(wanted) {
                number += 1
                return "carried-\(target)-\(desk.now.milliseconds)-\(number)"
            }
        }
    }

    static func refusal(
        _ desk: TestDesk, _ sources: [Int64], into target: Int64, as user: Int64? = nil
    ) throws -> DeskRefusal? {
        let wanted = MergeRequest(targetID: target, sourceIDs: sources)
        let early = try desk.refusal(as: user) { try $0.requireMergeable(wanted) }
        let late = try desk.refusal(as: user) { try $0.mergeTickets(wanted) { "t" } }
        #expect(early == late)
        return late
    }

    @Test("sources are closed and tagged, people and last words go to the target")
    func merging() throws {
        let desk = try TestDesk()
        let (jane, joe, jim) = (
            try desk.endUser("Jane"), try desk.endUser("Joe"), try desk.endUser("Jim")
        )
        let ben = try desk.agent()
        let target = try desk.ticket {
            $0.requester = .id(jane)
            $0.tags = ["printer"]
            $0.priority = .low
        }.id
        let first = try desk.ticket {
            $0.requester = .id(joe)
            $0.emailCCIDs = [jim, jane]
            $0.tags = ["smoke"]
            $0.priority = .urgent
        }.id
        let second = try desk.ticket {
            $0.requester = .id(jane)
            $0.comment = CommentDraft(body: "Fire!")
        }.id
        desk.pass(milliseconds: 1000)
        try Self.merge(desk, [first, second, first], into: target, as: ben)
        let (a, b, into) = try desk.run {
            (try $0.ticket(first), try $0.ticket(second), try $0.ticket(target))
        }
        #expect(a.status == .closed && a.tags == ["closed_by_merge", "smoke"])
        #expect(b.status == .closed && b.tags == ["closed_by_merge"])
        #expect(into.status == .new && into.tags == ["printer"] && into.priority == .low)
        #expect(into.emailCCIDs == [joe, jim].sorted())
        #expect(into.commentCount == 2 && into.publicCommentCount == 1)
        let comments = try desk.run { try $0.comments(target, .offset(page: 1, size: 10)).items }
        #expect(
            comments.last?.comment?.body == """
                Requests #\(first), #\(second) were closed and merged into this request.

                Last comment in request #\(first):
                It smokes

                Last comment in request #\(second):
                Fire!
                """)
        #expect(comments.last?.comment?.isPublic == false && comments.last?.authorID == ben)
        let merge = try #require(try desk.run { try $0.standingMerge(of: first) })
        #expect(comments.last?.events.contains("[\"Merge\",\"\(merge.id)\"]") == true)
        let audits = try desk.run { try $0.audits(ofTicket: first, .offset(page: 1, size: 10)) }
        #expect(audits.items.last?.events.contains("[\"Merge\",\"\(merge.id)\"]") == true)
        #expect(audits.items.last?.comment?.body.contains("#\(target)") == true)
    }

    @Test("comments are public only when asked for and when no ticket is hidden from customers")
    func privacy() throws {
        let desk = try TestDesk()
        func lastIsPublic(hidden: Bool) throws -> [Bool?] {
            let target = try desk.ticket().id
            let source = try desk.ticket {
                $0.comment?.isPublic = !hidden
                $0.comment?.body = "secret"
            }.id
            if !hidden {
                try desk.update(source) {
                    $0.comment = CommentDraft(body: "inside", isPublic: false)
                }
            }
            try Self.merge(desk, [source], into: target) {
                $0.isTargetCommentPublic = true
                $0.isSourceCommentPublic = true
            }
            return try [target, source].map { id in
                let comment = try desk.run { try $0.lastComment(of: id, publicOnly: false) }
                // What agents said among themselves is not told to customers.
                #expect(comment?.body.contains("inside") == false)
                return comment?.isPublic
            }
        }
        #expect(try lastIsPublic(hidden: false) == [true, true])
        #expect(try lastIsPublic(hidden: true) == [false, false])
    }

    @Test("what cannot be merged is refused with its reason, before the job and in it")
    func refusals() throws {
        let desk = try TestDesk()
        let (ben, other) = (try desk.agent(), try desk.group("Vault"))
        _ = try desk.run { writer in
            var changes = UserChanges()
            changes.restriction = .groups
            return try writer.updateUser(ben, changes, agentLimit: 100)
        }
        func ids(_ text: String, _ problem: FieldProblem = .notAllowed) -> DeskRefusal {
            .invalid("ids", problem, "Ids: \(text)")
        }
        let target = try desk.ticket { $0.assigneeID = ben }.id
        let open = try desk.ticket { $0.assigneeID = ben }.id
        let hidden = try desk.ticket { $0.groupID = other }.id
        let closed = try desk.ticket {
            $0.assigneeID = ben
            $0.status = .closed
        }.id
        let problem = try desk.ticket { $0.type = .problem }.id
        try desk.ticket {
            $0.type = .incident
            $0.problemID = problem
        }
        #expect(try Self.refusal(desk, [], into: target) == ids("cannot be blank", .blank))
        #expect(
            try Self.refusal(desk, [10, 11, 12, 13, 14, 15], into: target)
                == ids("at most 5 tickets can be merged at once", .tooLong))
        #expect(
            try Self.refusal(desk, [open, target], into: target)
                == ids("a ticket cannot be merged into itself"))
        #expect(try Self.refusal(desk, [closed], into: target) == ids("ticket \(closed) is closed"))
        #expect(
            try Self.refusal(desk, [open], into: closed)
                == .invalid(
                    "status", .notAllowed, "Status: nothing can be merged into a closed ticket"))
        #expect(
            try Self.refusal(desk, [problem], into: target)
                == ids("incidents hang on ticket \(problem); link them to another problem first"))
        for id in [hidden, 99] {
            #expect(
                try Self.refusal(desk, [id], into: target, as: ben)
                    == ids("ticket \(id) does not exist", .invalid))
            #expect(try Self.refusal(desk, [open], into: id, as: ben) == .notFound)
        }
        let jane = try desk.endUser()
        #expect(
            try Self.refusal(desk, [open], into: target, as: jane)
                == .forbidden("You do not have access to this page"))
        // One that cannot be merged keeps the others from it.
        #expect(try Self.refusal(desk, [open, closed], into: target) != nil)
        #expect(try desk.run { try $0.ticket(open) }.status == .open)
        try Self.merge(desk, [open], into: target)
        #expect(
            try Self.refusal(desk, [problem], into: open)
                == .invalid(
                    "status", .notAllowed, "Status: the ticket was itself merged into another one"))
    }

    @Test("an unmerge gives back what was there, and leaves the history")
    func undoing() throws {
        let desk = try TestDesk()
        let (ben, joe) = (try desk.agent(), try desk.endUser("Joe"))
        let target = try desk.ticket().id
        let source = try desk.ticket {
            $0.requester = .id(joe)
            $0.assigneeID = ben
            $0.status = .pending
            $0.tags = ["a"]
        }
        desk.pass(milliseconds: 5000)
        try Self.merge(desk, [source.id], into: target)
        #expect(try desk.run { try $0.ticket(target) }.emailCCIDs == [joe])
        try desk.update(target) {
            $0.comment = CommentDraft(body: "Since then")
            $0.tags = ["new"]
        }
        desk.pass(milliseconds: 5000)
        let back = try desk.run { try $0.unmergeTicket(source.id) }
        #expect(back.status == .pending && back.tags == ["a"] && back.assigneeID == ben)
        #expect(back.statusUpdatedAt == source.statusUpdatedAt && back.metrics == source.metrics)
        #expect(back.commentCount == source.commentCount + 1)
        let into = try desk.run { try $0.ticket(target) }
        #expect(into.emailCCIDs == [] && into.tags == ["new"] && into.commentCount == 3)
        for id in [source.id, target] {
            let events = try desk.run {
                try $0.audits(ofTicket: id, .offset(page: 1, size: 10)).items.last!.events
            }
            #expect(events.contains("[\"Unmerge\",\""))
        }
        // It is a ticket like any other again.
        #expect(try desk.update(source.id) { $0.status = .solved }.ticket.status == .solved)
        #expect(
            try desk.refusal { try $0.unmergeTicket(source.id) }
                == .invalid(
                    "base", .notAllowed, "Merge: the ticket is not merged into another one"))
    }

    @Test("what stands in the way of an unmerge is said")
    func obstacles() throws {
        let desk = try TestDesk()
        func merged() throws -> (source: Int64, target: Int64) {
            let (source, target) = (try desk.ticket().id, try desk.ticket().id)
            try Self.merge(desk, [source], into: target)
            return (source, target)
        }
        func words(_ source: Int64, as user: Int64? = nil) throws -> String? {
            try desk.refusal(as: user) { try $0.unmergeTicket(source) }?.words
        }
        let chained = try merged()
        let end = try desk.ticket().id
        try Self.merge(desk, [chained.target], into: end)
        #expect(try words(chained.source)?.contains("was merged too") == true)
        _ = try desk.run { try $0.unmergeTicket(chained.target) }
        #expect(try words(chained.source) == nil)

        let lost = try merged()
        try desk.run { try $0.deleteTicket(lost.target) }
        #expect(try words(lost.source)?.contains("is deleted; restore it first") == true)
        try desk.run { try $0.eraseTicket(lost.target) }
        #expect(try words(lost.source)?.contains("was erased") == true)

        let old = try merged()
        desk.pass(days: 30)
        let young = try merged()
        desk.pass(milliseconds: 1)
        #expect(try words(old.source)?.contains("for 30 days only") == true)
        #expect(try words(young.source) == nil)

        let ben = try desk.agent()
        let apart = try merged()
        _ = try desk.run { writer in
            var changes = UserChanges()
            changes.restriction = .requested
            return try writer.updateUser(ben, changes, agentLimit: 100)
        }
        #expect(try words(apart.source, as: ben) == "a record it names does not exist")
    }

    @Test("a closed target, and a source that was solved or nobody's, can be undone too")
    func closedTarget() throws {
        let desk = try TestDesk()
        let joe = try desk.endUser("Joe")
        let target = try desk.ticket { $0.assigneeID = desk.admin }.id
        let source = try desk.ticket {
            $0.requester = .id(joe)
            $0.assigneeID = desk.admin
            $0.status = .solved
        }
        try Self.merge(desk, [source.id], into: target)
        try desk.update(target) { $0.status = .closed }
        let back = try desk.run { try $0.unmergeTicket(source.id) }
        #expect(back.status == .solved && back.metrics == source.metrics)
        let into = try desk.run { try $0.ticket(target) }
        #expect(into.status == .closed && into.emailCCIDs.isEmpty)
    }

    @Test("a copy that two merges or a hand are the reason for outlives one of them")
    func copies() throws {
        let desk = try TestDesk()
        let (joe, jim, ann) = (
            try desk.endUser("Joe"), try desk.endUser("Jim"), try desk.endUser("Ann2")
        )
        func source(_ requester: Int64) throws -> Int64 {
            try desk.ticket {
                $0.requester = .id(requester)
                $0.emailCCIDs = [jim, ann]
            }.id
        }
        let target = try desk.ticket { $0.emailCCIDs = [ann] }.id
        let (first, second) = (try source(joe), try source(joe))
        func copied() throws -> Set<Int64> {
            Set(try desk.run { try $0.ticket(target) }.emailCCIDs)
        }
        try Self.merge(desk, [first], into: target)
        try Self.merge(desk, [second], into: target)
        _ = try desk.run { try $0.unmergeTicket(first) }
        #expect(try copied() == [joe, jim, ann])
        // Taken off and put on again by hand, Jim is there for his own sake.
        try desk.update(target) { $0.watcherChanges = [.init(.copy, .id(jim), isRemoval: true)] }
        try desk.update(target) { $0.watcherChanges = [.init(.copy, .id(jim))] }
        _ = try desk.run { try $0.unmergeTicket(second) }
        #expect(try copied() == [jim, ann])
    }

    @Test("triggers run once for the target, never for the sources")
    func triggers() throws {
        let desk = try TestDesk()
        try desk.trigger(
            "Mail",
            ConditionTexts(all: [
                ConditionText(field: "update_type", test: "is", value: .text("Change"))
            ]),
            [ActionText(field: "notification_user", value: .list(["requester_id", "s", "b"]))])
        let sources = try (0..<5).map { _ in try desk.ticket().id }
        try Self.merge(desk, sources, into: try desk.ticket().id)
        #expect(try desk.number("SELECT count(*) FROM notices WHERE tenant = ?1") == 1)
    }

    @Test(
        "files of the last comment go along over the same bytes, which the last of them takes along"
    )
    func files() throws {
        let desk = try TestDesk()
        func upload(_ name: String, _ digest: UInt8) throws {
            try desk.run { writer in
                let id = try writer.beginAttachment(
                    upload: [digest], isNew: true, name: name, contentType: "text/plain",
                    contentToken: "token-\(digest)")
                try writer.append([[1, 2, 3, digest]], to: id, storageLimit: 1 << 30)
                _ = try writer.finishAttachment(id)
            }
        }
        func stored() throws -> Int64 { try desk.transact { try $0.count(.storedBytes) } }
        func bytes(_ ticket: Int64) throws -> [[UInt8]] {
            try desk.run { writer in
                let comment = try writer.lastComment(of: ticket, publicOnly: false)!
                return try writer.files(ofComment: comment).compactMap {
                    try writer.rows.attachmentChunk($0.contentID, 0)
                }
            }
        }
        try upload("a.txt", 7)
        let target = try desk.ticket().id
        let source = try desk.ticket {
            $0.comment = CommentDraft(body: "see file")
            $0.comment?.uploads = [[7]]
        }.id
        try Self.merge(desk, [source], into: target)
        #expect(try bytes(target) == [[1, 2, 3, 7]])
        #expect(try stored() == 4)
        // The source's own is redacted; what the target has stays.
        let file = try desk.run { writer in
            let audit = try writer.comments(source, .offset(page: 1, size: 1)).items[0]
            let file = try writer.files(ofComment: audit.comment!)[0]
            return try writer.redactAttachment(file.id, ofComment: audit.comment!.id, of: source)
        }
        #expect(file.state == .redacted)
        #expect(try bytes(target) == [[1, 2, 3, 7]] && stored() == 4)
        try desk.run {
            try $0.deleteTicket(source)
            try $0.eraseTicket(source)
        }
        #expect(try bytes(target) == [[1, 2, 3, 7]] && stored() == 4)
        try desk.run {
            try $0.deleteTicket(target)
            try $0.eraseTicket(target)
        }
        #expect(try stored() == 0)
        #expect(try desk.number("SELECT count(*) FROM attachment_chunks WHERE tenant = ?1") == 0)
    }

    @Test("a row's difference reads back as it was written, whatever the columns hold")
    func storedDifference() throws {
        let desk = try TestDesk()
        var old = try desk.ticket { $0.tags = ["a", "b"] }
        var new = old
        new.subject = "quote \" back \\ line \n"
        new.status = .closed
        new.tags = ["b", "closed_by_merge"]
        new.updatedAt = Timestamp(rawValue: 5)
        let difference = RowDifference(from: old, to: new)
        #expect(difference.columns["updated_at"] == nil)
        #expect(RowDifference(stored: difference.stored) == difference)
        // What has changed since stays.
        new.subject = "later"
        new.tags.append("late")
        let back = difference.undone(in: new.columnValues)
        func column(_ name: String) -> Value { back[Ticket.columnNames.firstIndex(of: name)!] }
        #expect(column("subject") == .text("later") && column("status") == .integer(0))
        #expect(column("tags") == .text("a b late"))
        old.tags = []
        #expect(RowDifference(from: old, to: old).columns.isEmpty)
    }
}
