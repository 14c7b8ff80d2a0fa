import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// A desk's own names for statuses.
struct CustomStatusTests {
    private func make(_ desk: TestDesk, _ category: TicketStatus, _ label: String) throws -> Int64 {
        var changes = CustomStatusChanges()
        changes.category = category
        changes.agentLabel = label
        let wanted = changes
        return try desk.run { try $0.createCustomStatus(wanted) }.id
    }

    private func change(
        _ desk: TestDesk, _ id: Int64, _ change: (inout CustomStatusChanges) -> Void
    ) throws -> DeskRefusal? {
        var changes = CustomStatusChanges()
        change(&changes)
        let wanted = changes
        return try desk.refusal { try $0.updateCustomStatus(id, wanted) }
    }

    @Test func everyDeskHasFiveWithoutARow() throws {
        let desk = try TestDesk()
        let all = try desk.run { try $0.customStatuses(CustomStatusFilter()) }
        #expect(all.map(\.id) == [1, 2, 3, 4, 5])
        #expect(all.map(\.category.name) == ["new", "open", "pending", "hold", "solved"])
        #expect(all.allSatisfy { $0.isDefault && $0.isActive })
        let ticket = try desk.ticket().id
        for (status, id) in [(TicketStatus.open, 2), (.hold, 4), (.solved, 5), (.closed, 5)] {
            let now = try desk.update(ticket) { $0.status = status }.ticket
            #expect(now.customStatusID == Int64(id))
            #expect(try !desk.lastEvents(ticket).contains("custom_status_id"))
        }
    }

    @Test func aCustomStatusSetsItsCategoryAndAStatusItsDefault() throws {
        let desk = try TestDesk()
        let waiting = try make(desk, .pending, "Waiting for parts")
        let working = try make(desk, .open, "In the workshop")
        let ticket = try desk.ticket { $0.customStatusID = working }
        #expect(ticket.status == .open && ticket.customStatusID == working)
        var now = try desk.update(ticket.id) { $0.customStatusID = waiting }.ticket
        #expect(now.status == .pending && now.customStatusID == waiting)
        #expect(
            try desk.lastEvents(ticket.id).contains(
                #"["Change","custom_status_id","\#(waiting)","\#(working)"]"#))
        // The status's own, as long as it is the default.
        now = try desk.update(ticket.id) { $0.status = .open }.ticket
        #expect(now.customStatusID == 2)
        try desk.run { try $0.setDefaultStatuses([working]) }
        // What tickets have does not change by that.
        #expect(try desk.run { try $0.ticket(ticket.id) }.customStatusID == 2)
        now = try desk.update(ticket.id) { $0.status = .pending }.ticket
        now = try desk.update(ticket.id) { $0.status = .open }.ticket
        #expect(now.customStatusID == working)
        let fresh = try desk.ticket { $0.status = .open }
        #expect(fresh.customStatusID == working)
        // Within the category only the name changes.
        now = try desk.update(ticket.id) { $0.customStatusID = 2 }.ticket
        #expect(now.status == .open && now.customStatusID == 2)
        let before = now.statusUpdatedAt
        desk.pass(days: 1)
        now = try desk.update(ticket.id) { $0.customStatusID = working }.ticket
        #expect(now.customStatusID == working && now.statusUpdatedAt == before)
    }

    @Test func aCustomersCommentGivesTheDefaultOfOpen() throws {
        let desk = try TestDesk()
        let (ben, jane) = (try desk.agent(), try desk.endUser())
        let again = try make(desk, .open, "Asked again")
        let waiting = try make(desk, .pending, "Waiting")
        try desk.run { try $0.setDefaultStatuses([again]) }
        let ticket = try desk.ticket {
            $0.requester = .id(jane)
            $0.assigneeID = ben
            $0.customStatusID = waiting
        }.id
        let now = try desk.run(as: jane) {
            try $0.updateRequest(ticket, comment: CommentDraft(body: "Hello?"), solved: false)
        }.ticket
        #expect(now.status == .open && now.customStatusID == again)
    }

    @Test func aSolvedTicketKeepsItsNameWhenItIsClosed() throws {
        let desk = try TestDesk()
        let refunded = try make(desk, .solved, "Refunded")
        let ticket = try desk.ticket().id
        try desk.update(ticket) { $0.customStatusID = refunded }
        desk.pass(days: 30)
        _ = try desk.transact { try $0.runTimers(limit: 10) }
        let now = try desk.run { try $0.ticket(ticket) }
        #expect(now.status == .closed && now.customStatusID == refunded)
    }

    @Test func aTicketSentBackAsItWasReadChangesWhatWasChanged() throws {
        let desk = try TestDesk()
        let working = try make(desk, .open, "In the workshop")
        let ticket = try desk.ticket { $0.customStatusID = working }.id
        var now = try desk.update(ticket) {
            $0.customStatusID = working
            $0.status = .pending
        }.ticket
        #expect(now.status == .pending && now.customStatusID == 3)
        now = try desk.update(ticket) {
            $0.customStatusID = working
            $0.status = .open
        }.ticket
        #expect(now.customStatusID == working)
        now = try desk.update(ticket) {
            $0.customStatusID = working
            $0.status = .open
            $0.subject = "Other"
        }.ticket
        #expect(now.customStatusID == working && now.subject == "Other")
    }

    @Test func whatCannotBeIsRefused() throws {
        let desk = try TestDesk()
        let working = try make(desk, .open, "In the workshop")
        let ticket = try desk.ticket { $0.status = .open }.id
        func refused(_ change: (inout TicketChanges) -> Void) throws -> Bool {
            var changes = TicketChanges()
            change(&changes)
            let wanted = changes
            return try desk.refusal { try $0.updateTicket(ticket, wanted) } != nil
        }
        #expect(try refused { $0.customStatusID = 12345 })
        #expect(try refused { $0.customStatusID = 1 })
        #expect(
            try refused {
                $0.customStatusID = working
                $0.status = .pending
            })
        #expect(try change(desk, working) { $0.category = .hold } != nil)
        #expect(try change(desk, working) { $0.agentLabel = "OPEN" } != nil)
        #expect(try change(desk, working) { $0.agentLabel = " " } != nil)
        #expect(try change(desk, working) { $0.isActive = false } == nil)
        #expect(try refused { $0.customStatusID = working })
        #expect(try desk.refusal { try $0.setDefaultStatuses([working]) } != nil)
        #expect(try desk.refusal { try $0.setDefaultStatuses([1, 2, 77]) } != nil)
        #expect(try change(desk, 2) { $0.isActive = false } != nil)
        #expect(try change(desk, 77) { $0.isActive = false } == .notFound)
        let ben = try desk.agent()
        #expect(try desk.refusal(as: ben) { try $0.setDefaultStatuses([1]) } != nil)
    }

    @Test func theListIsFiltered() throws {
        let desk = try TestDesk()
        let working = try make(desk, .open, "In the workshop")
        try desk.run { try $0.setDefaultStatuses([working, 3]) }
        _ = try change(desk, 2) { $0.isActive = false }
        func ids(_ filter: (inout CustomStatusFilter) -> Void) throws -> [Int64] {
            var all = CustomStatusFilter()
            filter(&all)
            let wanted = all
            return try desk.run { try $0.customStatuses(wanted) }.map(\.id)
        }
        #expect(try ids { $0.isDefault = true } == [1, working, 3, 4, 5])
        #expect(try ids { $0.isActive = false } == [2])
        #expect(try ids { $0.categories = [.open, .hold] } == [2, working, 4])
        try desk.run { try $0.setDefaultStatuses([3]) }
        #expect(try ids { $0.isDefault = false } == [2])
    }
}
