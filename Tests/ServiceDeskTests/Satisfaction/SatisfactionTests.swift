import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// Surveys about solved tickets: who is asked, who may answer, and what becomes of it when tickets go on.
struct SatisfactionTests {
    @Test func aSolvedTicketIsOfferedOnce() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        let rule = try desk.offersSurveys()
        let id = try desk.asked(by: jane)
        #expect(try desk.ticket(id).satisfaction.state == .unoffered)
        #expect(try desk.solve(id).satisfaction.state == .offered)
        let mail = try #require(try desk.mails(id).first)
        #expect(mail.recipientIDs == [jane])
        #expect(mail.subject == "How did we do? [#\(id)]")
        let token = try #require(mail.token)
        #expect(mail.body.contains("/surveys/\(token)?score=good"))
        #expect(mail.body.contains("/surveys/\(token)?score=bad"))
        #expect(
            try desk.events(of: id).contains(
                #"["Change","satisfaction_score","offered","unoffered","trigger","\#(rule)","ask"]"#
            ))
        // The rule holds at every further update; nobody is asked twice.
        try desk.update(id) { $0.subject = "Other" }
        try desk.update(id) { $0.priority = .high }
        #expect(try desk.mails(id).count == 1)
        #expect(try desk.ratings().map(\.state) == [.offered])
    }

    @Test func aTicketThatIsMadeSolvedIsOffered() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        try desk.offersSurveys()
        let made = try desk.ticket {
            $0.requester = .id(jane)
            $0.status = .solved
        }
        #expect(made.satisfaction.state == .offered)
        #expect(made.satisfaction.solve == 1)
        #expect(
            try desk.events(of: made.id).contains(#"["Create","satisfaction_score","offered""#))
        try desk.rate(made.id, as: jane, true)
        #expect(try desk.ratings().map(\.solve) == [1])
    }

    @Test func whoCannotAnswerIsNotAsked() throws {
        let desk = try TestDesk()
        try desk.offersSurveys()
        let ben = try desk.agent()
        let jane = try desk.endUser()
        #expect(try desk.solve(desk.asked(by: ben)).satisfaction.state == .unoffered)
        let secret = try desk.ticket {
            $0.requester = .id(jane)
            $0.comment?.isPublic = false
        }.id
        #expect(try desk.solve(secret).satisfaction.state == .unoffered)
        let id = try desk.asked(by: jane)
        try desk.run {
            var changes = UserChanges()
            changes.isSuspended = true
            _ = try $0.updateUser(jane, changes, agentLimit: 10)
        }
        #expect(try desk.solve(id).satisfaction.state == .unoffered)
        #expect(try desk.mails().isEmpty)
        #expect(try desk.ratings().isEmpty)
        // It is no failure of the rule.
        #expect(try desk.number("SELECT sum(failures) FROM rules WHERE tenant = ?1") == 0)
    }

    @Test func aRatingIsAnUpdateWithItsOwnEvent() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        try desk.offersSurveys()
        let id = try desk.asked(by: jane)
        let offered = try desk.solve(id)
        let rating = try desk.rate(id, as: jane, false, "Too slow", reason: 5)
        #expect(rating.state == .badWithComment)
        #expect(rating.id == offered.satisfaction.ratingID)
        #expect(rating.reason == "The issue took too long to resolve")
        #expect(rating.assigneeID == desk.admin)
        let ticket = try desk.ticket(id)
        #expect(ticket.version == offered.version + 1)
        #expect(ticket.satisfaction.comment == "Too slow")
        #expect(ticket.satisfaction.ratingID == rating.id)
        let events = try desk.events(of: id)
        #expect(events.contains(#"["Change","satisfaction_score","bad","offered"]"#))
        #expect(events.contains(#"["Change","satisfaction_reason_code","5",null]"#))
        #expect(
            events.contains(
                #"["SatisfactionRating","bad","Too slow","\#(desk.admin)","5","The issue took too long to resolve"]"#
            ))
        // The same once more is no update.
        try desk.rate(id, as: jane, false, "Too slow", reason: 5)
        #expect(try desk.ticket(id).version == ticket.version)
        // What is not said stays; a good rating has no reason.
        #expect(try desk.rate(id, as: jane, false).reasonCode == 5)
        let good = try desk.rate(id, as: jane, true)
        #expect(good.state == .goodWithComment)
        #expect(good.reasonCode == nil && good.reason == nil && good.comment == "Too slow")
        #expect(try desk.rate(id, as: jane, true, .some(nil)).state == .good)
        #expect(try desk.rate(id, as: jane, true, "  ").comment == nil)
        #expect(try desk.ratings().count == 1)
        let author = try desk.number(
            "SELECT author_id FROM audits WHERE tenant = ?1 ORDER BY id DESC LIMIT 1")
        #expect(author == jane)
    }

    @Test func whatCannotBeRecordedIsRefusedWithItsField() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        let id = try desk.asked(by: jane)
        func problem(_ draft: RatingDraft) throws -> String? {
            guard
                case .invalid(let errors)? = try desk.refusal(as: jane, { try $0.rate(id, draft) })
            else { return nil }
            return errors.first?.description
        }
        #expect(
            try problem(RatingDraft(isGood: true)) == "Ticket: can be rated once it is solved")
        try desk.solve(id)
        #expect(
            try problem(RatingDraft(isGood: true, reasonCode: 5))
                == "Reason: only a bad rating has a reason")
        #expect(
            try problem(RatingDraft(isGood: false, reasonCode: 77)) == "Reason: does not exist")
        let long = String(repeating: "ä", count: 2049)
        #expect(
            try problem(RatingDraft(isGood: true, comment: long))
                == "Comment: is too long (maximum is 4096 bytes)")
        #expect(try desk.ratings().isEmpty)
    }

    @Test func onlyWhoAskedRates() throws {
        let desk = try TestDesk()
        let (jane, joe) = (try desk.endUser("Jane"), try desk.endUser("Joe"))
        let ben = try desk.agent()
        let id = try desk.asked(by: jane)
        try desk.solve(id)
        func refusal(_ user: Int64) throws -> DeskRefusal? {
            try desk.refusal(as: user) { try $0.rate(id, RatingDraft(isGood: true)) }
        }
        #expect(try refusal(joe) == .notFound)
        #expect(try refusal(ben) == .forbidden("You do not have access to this page"))
        #expect(
            try refusal(desk.admin)
                == .forbidden("Only the end user who asked may rate a ticket"))
        let own = try desk.asked(by: desk.admin)
        try desk.solve(own)
        #expect(
            try desk.refusal { try $0.rate(own, RatingDraft(isGood: true)) }
                == .forbidden("Only the end user who asked may rate a ticket"))
        // An offer is not needed.
        #expect(try desk.rate(id, as: jane, true).solve == 1)
        try desk.run { try $0.deleteTicket(id) }
        #expect(try refusal(jane) == .notFound)
    }

    @Test func openingAgainTakesBackWhatNobodyAnswered() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        try desk.offersSurveys()
        let id = try desk.asked(by: jane)
        try desk.solve(id)
        // A reply of the requester's opens it.
        _ = try desk.run(as: jane) {
            try $0.updateRequest(id, comment: CommentDraft(body: "Still smokes"), solved: false)
        }
        #expect(try desk.ticket(id).status == .open)
        #expect(try desk.ticket(id).satisfaction.state == .unoffered)
        #expect(
            try desk.events(of: id).contains(
                #"["Change","satisfaction_score","unoffered","offered"]"#))
        #expect(try desk.ratings().map(\.state) == [.unoffered])
        // The mail that has not left stays here.
        #expect(try desk.mails(id).map(\.state) == [.cancelled])
        try desk.solve(id)
        #expect(try desk.ratings().map(\.state) == [.unoffered, .offered])
        #expect(try desk.ratings().map(\.solve) == [1, 2])
        try desk.rate(id, as: jane, true)
        try desk.reopen(id)
        // What was answered stays, on the ticket too, until it is asked about anew.
        #expect(try desk.ticket(id).satisfaction.state == .good)
        #expect(
            try desk.refusal(as: jane) { try $0.rate(id, RatingDraft(isGood: false)) } != nil)
        #expect(try desk.solve(id).satisfaction.state == .offered)
        try desk.rate(id, as: jane, false)
        #expect(try desk.ratings().map(\.state) == [.unoffered, .good, .bad])
        #expect(try desk.count() == 3)
    }

    @Test func aClosedTicketCanBeRatedForSomeTime() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        try desk.offersSurveys()
        try desk.rule(
            "look", TestDesk.all(("satisfaction_score", "changed", "")), "current_tags",
            .text("seen"))
        let id = try desk.asked(by: jane)
        try desk.solve(id)
        try desk.update(id) { changes in
            changes.tags = []
            changes.status = .closed
        }
        desk.pass(days: 14)
        let rated = try desk.rate(id, as: jane, true)
        #expect(rated.state == .good)
        // Closed tickets get no triggers, but an audit.
        #expect(try desk.ticket(id).tags == [])
        #expect(try desk.ticket(id).status == .closed)
        #expect(try desk.events(of: id).contains(#"["SatisfactionRating","good",null"#))
        desk.pass(milliseconds: 1)
        #expect(try desk.refusal(as: jane) { try $0.rate(id, RatingDraft(isGood: false)) } != nil)
        #expect(try desk.ratings().map(\.state) == [.good])
    }

    /// Rules that offer and rules that open again, in one update.
    @Test func whatIsNotSolvedInTheEndIsNotOffered() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        try desk.offersSurveys()
        try desk.rule(
            "not so fast",
            TestDesk.all(("status", "is", "solved"), ("current_tags", "includes", "vip")),
            "status", .text("open"))
        try desk.rule(
            "to close",
            TestDesk.all(("status", "is", "solved"), ("current_tags", "includes", "gone")),
            "status", .text("closed"))
        let id = try desk.asked(by: jane, tags: ["vip"])
        let opened = try desk.solve(id)
        #expect(opened.status == .open)
        #expect(opened.satisfaction == TicketSatisfaction())
        let closed = try desk.asked(by: jane, tags: ["gone"])
        #expect(try desk.solve(closed).status == .closed)
        #expect(try desk.ticket(closed).satisfaction.state == .unoffered)
        #expect(try desk.mails().isEmpty)
        #expect(try desk.ratings().isEmpty)
        #expect(try !desk.events(of: id).contains("satisfaction"))
    }

    @Test func whatComesBackToSolvedWithinAnUpdateKeepsItsOffer() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        try desk.offersSurveys()
        let id = try desk.asked(by: jane)
        try desk.solve(id)
        try desk.rule(
            "stay", TestDesk.all(("status", "value_previous", "solved")), "status",
            .text("solved"))
        let kept = try desk.reopen(id)
        #expect(kept.status == .solved)
        #expect(kept.satisfaction.state == .offered)
        #expect(try desk.mails(id).map(\.state) == [.queued])
        #expect(try desk.rate(id, as: jane, true).solve == 1)
    }

    @Test func ratingsOfOthersAreHiddenAndNotCounted() throws {
        let desk = try TestDesk()
        let (jane, joe) = (try desk.endUser("Jane"), try desk.endUser("Joe"))
        let ben = try desk.agent()
        try desk.run {
            var changes = UserChanges()
            changes.restriction = .assigned
            _ = try $0.updateUser(ben, changes, agentLimit: 10)
        }
        try desk.offersSurveys()
        let theirs = try desk.asked(by: jane)
        let bens = try desk.ticket {
            $0.requester = .id(joe)
            $0.assigneeID = ben
        }.id
        for id in [theirs, bens] { try desk.solve(id) }
        let first = try desk.rate(theirs, as: jane, true)
        let second = try desk.rate(bens, as: joe, false, "No")
        #expect(try desk.ratings().map(\.id) == [first.id, second.id])
        #expect(try desk.ratings(as: ben).map(\.id) == [second.id])
        #expect(try desk.ratings(as: jane).map(\.id) == [first.id])
        #expect(try desk.count(as: ben) == 1)
        #expect(try desk.count(as: jane) == 1)
        #expect(try desk.count() == 2)
        #expect(try desk.refusal(as: ben) { try $0.rating(first.id) } == .notFound)
        #expect(try desk.refusal(as: jane) { try $0.rating(second.id) } == .notFound)
        #expect(try desk.run(as: jane) { try $0.rating(first.id) } == first)
        // A ticket that is deleted takes its ratings along, and brings them back.
        try desk.run { try $0.deleteTicket(theirs) }
        #expect(try desk.count() == 1)
        #expect(try desk.ratings().map(\.id) == [second.id])
        #expect(try desk.refusal { try $0.rating(first.id) } == .notFound)
        try desk.run { try $0.restoreTicket(theirs) }
        #expect(try desk.count() == 2)
        try desk.run {
            try $0.deleteTicket(theirs)
            try $0.eraseTicket(theirs)
        }
        #expect(try desk.count() == 1)
        #expect(
            try desk.number("SELECT count(*) FROM satisfaction_ratings WHERE tenant = ?1") == 1)
    }

    @Test func listsAreFilteredByScoreAndTime() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        try desk.offersSurveys()
        let start = desk.now
        var ids: [Int64] = []
        for place in 0..<6 {
            let id = try desk.asked(by: jane)
            try desk.solve(id)
            desk.pass(milliseconds: 10_000)
            switch place {
            case 0: break
            case 1: try desk.reopen(id)
            default: try desk.rate(id, as: jane, place > 3, place % 2 == 0 ? "Words" : nil)
            }
            ids.append(id)
        }
        func found(_ score: String?, from: Int64? = nil, to: Int64? = nil) throws -> [Int] {
            var filter = RatingFilter()
            filter.states = score.flatMap { RatingFilter.states($0) }
            filter.start = from.map { Timestamp(seconds: start.seconds + $0) }
            filter.end = to.map { Timestamp(seconds: start.seconds + $0) }
            let wanted = filter
            let tickets = try desk.ratings(wanted).map(\.ticketID)
            #expect(try desk.count(wanted) == Int64(tickets.count))
            return tickets.map { ids.firstIndex(of: $0)! }
        }
        #expect(try found(nil) == [0, 1, 2, 3, 4, 5])
        #expect(try found("offered") == [0])
        #expect(try found("unoffered") == [1])
        #expect(try found("received") == [2, 3, 4, 5])
        #expect(try found("received_with_comment") == [2, 4])
        #expect(try found("received_without_comment") == [3, 5])
        #expect(try found("bad") == [2, 3])
        #expect(try found("bad_with_comment") == [2])
        #expect(try found("bad_without_comment") == [3])
        #expect(try found("good") == [4, 5])
        #expect(try found("good_with_comment") == [4])
        #expect(try found("good_without_comment") == [5])
        #expect(RatingFilter.states("great") == nil)
        #expect(try found(nil, from: 30) == [2, 3, 4, 5])
        #expect(try found("received", from: 30, to: 40) == [2, 3])
        let pages = try desk.run {
            try $0.ratings(RatingFilter(), descending: true, .offset(page: 2, size: 4))
        }
        #expect(pages.count == 6 && pages.items.map(\.ticketID) == [ids[1], ids[0]])
    }
}
