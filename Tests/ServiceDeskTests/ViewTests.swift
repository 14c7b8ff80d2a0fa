import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// Views: what is in them, for whom, in which order, and that kept counts are what counting would give.
struct ViewTests {
    private static func view(
        _ all: [(String, String, String)], any: [(String, String, String)] = [],
        _ output: ViewOutput = ViewOutput()
    ) -> RuleDraft {
        func texts(_ tests: [(String, String, String)]) -> [ConditionText] {
            tests.map {
                ConditionText(field: $0.0, test: $0.1, value: $0.2.isEmpty ? .none : .text($0.2))
            }
        }
        var draft = TestDesk.rule("v", ConditionTexts(all: texts(all), any: texts(any)))
        draft.output = output
        return draft
    }

    private static let unsolved = ("status", "less_than", "solved")

    @Test func countsFollowTicketsAsTheyChange() throws {
        let desk = try TestDesk()
        let (ben, cleo) = (try desk.agent("Ben"), try desk.agent("Cleo"))
        for _ in 0..<3 { try desk.ticket() }
        let open = try desk.run { try $0.createRule(.view, Self.view([Self.unsolved])) }.id
        let mine = try desk.run {
            try $0.createRule(
                .view, Self.view([Self.unsolved, ("assignee_id", "is", "current_user")]))
        }.id
        func counts(_ user: Int64) throws -> [Int64?] {
            try desk.run(as: user) { try $0.counts(ofViews: [open, mine]) }.map(\.count)
        }
        #expect(try counts(ben) == [3, 0])
        try desk.update(1) { $0.assigneeID = ben }
        try desk.update(2) { $0.assigneeID = cleo }
        #expect(try counts(ben) == [3, 1])
        try desk.update(1) { $0.assigneeID = cleo }
        #expect(try counts(ben) == [3, 0])
        #expect(try counts(cleo) == [3, 2])
        try desk.update(2) { $0.status = .solved }
        #expect(try counts(cleo) == [2, 1])
        try desk.run { try $0.deleteTicket(1) }
        #expect(try counts(cleo) == [1, 0])
        try desk.run { try $0.restoreTicket(1) }
        #expect(try counts(cleo) == [2, 1])
    }

    /// The same after any history, for views of every kind that can be counted.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func keptCountsAreWhatCountingGives(seed: UInt64) throws {
        var random = Seeded(state: seed &* 0x9e37_79b9_7f4a_7c15)
        let desk = try TestDesk()
        let agents = [try desk.agent("Ben"), try desk.agent("Cleo")]
        let group = try desk.group("Level 2")
        _ = try desk.run {
            try $0.createMembership(.team, user: agents[0], owner: group, isDefault: false)
        }
        let drafts: [RuleDraft] = [
            Self.view([Self.unsolved]), Self.view([("priority", "is", "high")]),
            Self.view([("current_tags", "includes", "vip red")]),
            Self.view([("current_tags", "not_includes", "vip"), Self.unsolved]),
            Self.view([Self.unsolved, ("assignee_id", "is", "current_user")]),
            Self.view([Self.unsolved, ("group_id", "is", "current_groups")]),
            Self.view(
                [("type", "is_not", "task")],
                any: [("priority", "greater_than", "low"), ("assignee_id", "is", "")]),
            Self.view([
                ("status", "is", "solved"), ("subject_includes_word", "includes", "printer"),
            ]),
        ]
        var views: [Int64] = []
        for (place, draft) in drafts.enumerated() {
            if place % 2 == 0 { views.append(try desk.run { try $0.createRule(.view, draft) }.id) }
        }
        for _ in 0..<15 {
            try desk.ticket { $0.subject = random.next(2) == 0 ? "Printer" : "Screen" }
        }
        for (place, draft) in drafts.enumerated() where place % 2 == 1 {
            views.append(try desk.run { try $0.createRule(.view, draft) }.id)
        }
        for _ in 0..<120 {
            let id = Int64(random.next(15)) + 1
            guard let ticket = try desk.run({ try $0.findTicket(id) }) else { continue }
            if ticket.deletedAt != nil {
                try desk.run { try $0.restoreTicket(id) }
                continue
            }
            if random.next(12) == 0 {
                try desk.run { try $0.deleteTicket(id) }
                continue
            }
            try desk.update(id) { changes in
                switch random.next(6) {
                case 0: changes.priority = [.low, .normal, .high, .urgent][random.next(4)]
                case 1: changes.tags = [["vip"], ["red", "vip"], ["red"], []][random.next(4)]
                case 2:
                    changes.assigneeID = .some(random.next(3) == 0 ? nil : agents[random.next(2)])
                case 3: changes.status = [.open, .pending, .solved, .hold][random.next(4)]
                case 4: changes.type = [.task, .incident][random.next(2)]
                default: changes.groupID = .some(random.next(2) == 0 ? group : nil)
                }
            }
        }
        for agent in agents {
            for view in views {
                let kept = try desk.run(as: agent) { try $0.count(ofView: view) }.count
                let shown = try desk.run(as: agent) {
                    try $0.tickets(
                        ofView: view, sortBy: nil, descending: nil,
                        .cursor(size: 100, after: nil, before: nil))
                }.page.items.count
                let conditions = try desk.run { try $0.rule(.view, view) }.conditions
                let counted = try desk.run(as: agent) { try $0.previewCount(conditions) }
                #expect(kept == counted, "view \(conditions)")
                #expect(shown == Int(counted), "view \(conditions)")
            }
        }
    }

    /// Its tickets go and come back with the field, and what changed meanwhile is counted, too.
    @Test func aViewOfAFieldThatGoesAndComesBackIsCountedAnew() throws {
        let desk = try TestDesk()
        let field = try desk.textField("Serial")
        let view = try desk.run {
            try $0.createRule(
                .view, Self.view([Self.unsolved, ("custom_fields_\(field)", "is", "A-1")]))
        }.id
        func count() throws -> Int64? { try desk.run { try $0.count(ofView: view) }.count }
        for _ in 0..<3 { try desk.ticket { $0.fields = [FieldChange(.id(field), .text("A-1"))] } }
        #expect(try count() == 3)
        try desk.run { try $0.deleteField(field, of: .ticket) }
        #expect(try count() == 0)
        try desk.update(2) { $0.status = .solved }
        _ = try desk.run { try $0.restoreField(field, of: .ticket) }
        #expect(try count() == 2)
        try desk.update(1) { $0.status = .solved }
        #expect(try count() == 1)
    }

    @Test func aDeskWithMoreTicketsThanOneStepIsCountedInSteps() throws {
        let desk = try TestDesk()
        try desk.transact { rows in
            let desk = Desk(
                rows: rows, principal: try Authenticator.principal(userID: desk.admin, in: rows))
            var changes = TicketChanges()
            changes.subject = "Printer"
            changes.comment = CommentDraft(body: "x")
            for _ in 0..<(ViewCounts.stepTickets + 7) { _ = try desk.createTicket(changes) }
        }
        let view = try desk.run { try $0.createRule(.view, Self.view([Self.unsolved])) }.id
        #expect(try desk.run { try $0.count(ofView: view) }.count == nil)
        // Counted already, not yet, and new.
        try desk.update(1) { $0.status = .solved }
        try desk.update(Int64(ViewCounts.stepTickets + 3)) { $0.status = .solved }
        try desk.ticket()
        while try desk.transact({ try $0.countViews() }) > 0 {}
        #expect(
            try desk.run { try $0.count(ofView: view) }.count == Int64(ViewCounts.stepTickets + 6))
    }

    @Test func ticketsComeInTheViewsOrderByPagesOfBothKinds() throws {
        let desk = try TestDesk()
        for place in 0..<23 {
            try desk.ticket { changes in
                changes.priority = [.low, .high, .normal][place % 3]
                changes.subject = place % 2 == 0 ? "Printer" : "Screen"
            }
        }
        for conditions in [
            [Self.unsolved], [Self.unsolved, ("subject_includes_word", "not_includes", "toner")],
        ] {
            let view = try desk.run {
                try $0.createRule(
                    .view,
                    Self.view(
                        conditions,
                        ViewOutput(
                            groupBy: "priority", groupDescending: true, sortBy: "nice_id",
                            sortDescending: false)))
            }.id
            var byCursor: [Ticket] = []
            var after: Cursor?
            repeat {
                let cursor = after
                let page = try desk.run {
                    try $0.tickets(
                        ofView: view, sortBy: nil, descending: nil,
                        .cursor(size: 4, after: cursor, before: nil)
                    ).page
                }
                byCursor += page.items
                after = page.hasMore ? page.last : nil
            } while after != nil
            #expect(byCursor.count == 23)
            let order = byCursor.map { (-($0.priority?.rawValue ?? 0), $0.id) }
            #expect(zip(order, order.dropFirst()).allSatisfy { $0 < $1 })
            let second = try desk.run {
                try $0.tickets(
                    ofView: view, sortBy: nil, descending: nil, .offset(page: 2, size: 5)
                ).page
            }
            #expect(second.items.map(\.id) == byCursor[5..<10].map(\.id))
            #expect(second.count == 23)
        }
    }

    @Test func hoursAreLookedAtWhenTheViewIs() throws {
        let desk = try TestDesk()
        try desk.ticket()
        let view = try desk.run {
            try $0.createRule(
                .view, Self.view([Self.unsolved, ("created_at", "greater_than", "4")]))
        }.id
        func count() throws -> Int64? { try desk.run { try $0.count(ofView: view) }.count }
        #expect(try count() == 0)
        desk.pass(milliseconds: 4 * 3_600_000)
        #expect(try count() == 0)
        desk.pass(milliseconds: 1)
        #expect(try count() == 1)
    }

    /// Neither rows nor counts show an agent what they may not see.
    @Test func restrictedAgentsSeeAndCountOnlyTheirs() throws {
        let desk = try TestDesk()
        let ben = try desk.agent("Ben")
        var changes = UserChanges()
        changes.restriction = .assigned
        let wanted = changes
        _ = try desk.run { try $0.updateUser(ben, wanted, agentLimit: 100) }
        for _ in 0..<3 { try desk.ticket() }
        try desk.update(2) { $0.assigneeID = ben }
        let view = try desk.run { try $0.createRule(.view, Self.view([Self.unsolved])) }.id
        #expect(try desk.run(as: ben) { try $0.count(ofView: view) }.count == 1)
        #expect(
            try desk.run(as: ben) {
                try $0.tickets(
                    ofView: view, sortBy: nil, descending: nil, .offset(page: 1, size: 10)
                ).page
            }.items.map(\.id) == [2])
        let jane = try desk.endUser()
        #expect(try desk.refusal(as: jane) { try $0.count(ofView: view) } != nil)
    }

    @Test func aViewOfEverythingIsRefused() throws {
        let desk = try TestDesk()
        let refusal = try desk.refusal {
            try $0.createRule(.view, Self.view([("created_at", "less_than", "4")]))
        }
        #expect(refusal?.words.contains("a view needs a condition under all") == true)
        #expect(
            try desk.refusal { try $0.createRule(.view, Self.view([("status", "changed", "")])) }?
                .words
                .contains("which only a trigger does") == true)
    }

    private struct Seeded {
        var state: UInt64
        /// A number below `limit` (xorshift64*).
        mutating func next(_ limit: Int) -> Int {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return Int((state &* 0x2545_f491_4f6c_dd1d) >> 33) % limit
        }
    }
}
