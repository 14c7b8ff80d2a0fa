import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// Forms, and which fields must be filled.
struct TicketFormTests {
    private func form(_ desk: TestDesk, _ change: (inout TicketFormChanges) -> Void) throws
        -> Int64
    {
        var changes = TicketFormChanges()
        changes.name = "Form"
        change(&changes)
        let wanted = changes
        return try desk.run { try $0.createForm(wanted) }.id
    }

    /// The titles that are missing, or nil when it went through.
    private func missing(
        _ desk: TestDesk, _ ticket: Int64, as user: Int64? = nil,
        _ change: (inout TicketChanges) -> Void
    ) throws -> [String]? {
        var changes = TicketChanges()
        change(&changes)
        let wanted = changes
        switch try desk.refusal(as: user, { try $0.updateTicket(ticket, wanted) }) {
        case nil: return nil
        case .invalid(let errors)?:
            #expect(errors.allSatisfy { $0.field == "base" })
            return errors.map { String($0.description.prefix { $0 != ":" }) }
        case let other?:
            Issue.record("\(other)")
            return []
        }
    }

    @Test func whatIsRequiredIsAskedForWhenATicketIsSolved() throws {
        let desk = try TestDesk()
        let cause = try desk.field(.text, "Cause") { $0.isRequired = true }
        let box = try desk.field(.checkbox, "Checked") { $0.isRequired = true }
        try desk.change(5) { $0.isRequired = true }
        let ben = try desk.agent()
        let ticket = try desk.ticket().id
        #expect(try missing(desk, ticket, as: ben) { $0.status = .pending } == nil)
        // In the order of the fields.
        #expect(
            try missing(desk, ticket, as: ben) { $0.status = .solved }
                == ["Priority", "Cause", "Checked"])
        #expect(
            try missing(desk, ticket, as: ben) {
                $0.status = .solved
                $0.priority = .high
                $0.fields = [
                    FieldChange(.id(cause), .text("Wear")), FieldChange(.id(box), .flag(false)),
                ]
            } == ["Checked"])
        #expect(
            try missing(desk, ticket, as: ben) {
                $0.status = .solved
                $0.priority = .high
                $0.fields = [
                    FieldChange(.id(cause), .text("Wear")), FieldChange(.id(box), .flag(true)),
                ]
            } == nil)
        // Solved, nobody may take it away; but one that is missing for another reason stops no comment.
        #expect(
            try missing(desk, ticket, as: ben) { $0.fields = [FieldChange(.id(cause), .none)] }
                == ["Cause"])
        _ = try desk.field(.text, "Later") { $0.isRequired = true }
        #expect(
            try missing(desk, ticket, as: ben) { $0.comment = CommentDraft(body: "By the way") }
                == nil)
        #expect(throws: DeskRefusal.self) { try desk.ticket { $0.status = .solved } }
    }

    @Test func whatTheDeskDoesByItselfAsksForNothing() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        let ben = try desk.agent()
        let ticket = try desk.ticket {
            $0.requester = .id(jane)
            $0.assigneeID = ben
        }.id
        _ = try desk.field(.text, "Cause") { $0.isRequired = true }
        #expect(try missing(desk, ticket, as: ben) { $0.status = .solved } == ["Cause"])
        // The customer who says that it is solved knows nothing of causes.
        let solved = try desk.run(as: jane) {
            try $0.updateRequest(ticket, comment: nil, solved: true)
        }.ticket
        #expect(solved.status == .solved)
        desk.pass(days: 30)
        _ = try desk.transact { try $0.runTimers(limit: 10) }
        #expect(try desk.run { try $0.ticket(ticket) }.status == .closed)
        var changes = TicketChanges()
        changes.status = .solved
        let wanted = changes
        let other = try desk.ticket().id
        let system = try desk.transact { rows in
            let desk = WritingDesk(
                rows: rows, principal: Principal(userID: 1, role: .admin), via: Via(channel: .api))
            return try desk.apply(wanted, to: desk.findTicket(other)!, asksForFields: false)
        }.ticket
        #expect(system.status == .solved)
        var history = TicketHistory(
            changes: wanted,
            messages: [
                .init(authorID: jane, draft: CommentDraft(body: "Old"), createdAt: desk.now)
            ], createdAt: desk.now)
        history.changes.requester = .id(jane)
        let old = history
        #expect(try desk.run { try $0.importTicket(old) }.ticket.status == .solved)
    }

    /// A drop-down decides over a text, which decides in turn over another by a box.
    private func conditional(
        _ desk: TestDesk, _ requirement: FormCondition.Requirement
    ) throws -> (kind: Int64, serial: Int64, warranty: Int64, receipt: Int64) {
        let kind = try desk.field(.dropdown, "Kind", options: ["device", "account"])
        let serial = try desk.field(.text, "Serial") { $0.isRequired = true }
        let warranty = try desk.field(.checkbox, "Warranty")
        let receipt = try desk.field(.text, "Receipt")
        _ = try form(desk) {
            $0.fieldIDs = [1, 2, kind, serial, warranty, receipt]
            $0.agentConditions = [
                FormCondition(
                    parentID: kind, value: "device",
                    children: [
                        .init(id: serial, requirement: requirement),
                        .init(id: warranty, requirement: .never),
                    ]),
                FormCondition(
                    parentID: warranty, value: "true",
                    children: [.init(id: receipt, requirement: .always)]),
            ]
        }
        return (kind, serial, warranty, receipt)
    }

    @Test func aConditionAsksOnlyWhileItIsMet() throws {
        let desk = try TestDesk()
        let ids = try conditional(desk, .inStatuses([.pending, .solved]))
        let ticket = try desk.ticket().id
        // Hidden: not asked for, though the field by itself is required.
        #expect(try missing(desk, ticket) { $0.status = .solved } == nil)
        #expect(try missing(desk, ticket) { $0.status = .open } == nil)
        #expect(
            try missing(desk, ticket) { $0.fields = [FieldChange(.id(ids.kind), .text("device"))] }
                == nil)
        #expect(try missing(desk, ticket) { $0.status = .hold } == nil)
        #expect(try missing(desk, ticket) { $0.status = .pending } == ["Serial"])
        #expect(try missing(desk, ticket) { $0.status = .solved } == ["Serial"])
        // Two at once, each with its own error.
        #expect(
            try missing(desk, ticket) {
                $0.status = .solved
                $0.fields = [FieldChange(.id(ids.warranty), .flag(true))]
            } == ["Serial", "Receipt"])
        #expect(
            try missing(desk, ticket) {
                $0.fields = [FieldChange(.id(ids.warranty), .flag(true))]
            } == ["Receipt"])
        // What is hidden by its parent hides its children.
        #expect(
            try missing(desk, ticket) {
                $0.status = .solved
                $0.fields = [
                    FieldChange(.id(ids.kind), .text("account")),
                    FieldChange(.id(ids.warranty), .flag(true)),
                ]
            } == nil)
    }

    @Test func aParentThatIsGoneHidesNobody() throws {
        let desk = try TestDesk()
        let ids = try conditional(desk, .never)
        let ticket = try desk.ticket().id
        try desk.run { try $0.deleteField(ids.kind, of: .ticket) }
        #expect(try missing(desk, ticket) { $0.status = .solved } == ["Serial"])
        _ = try desk.run { try $0.restoreField(ids.kind, of: .ticket) }
        #expect(try missing(desk, ticket) { $0.status = .solved } == nil)
    }

    @Test func whatTheFormDoesNotHaveIsNotAskedFor() throws {
        let desk = try TestDesk()
        let cause = try desk.field(.text, "Cause") { $0.isRequired = true }
        let short = try form(desk) { $0.fieldIDs = [1, 2] }
        let long = try form(desk) {
            $0.name = "Long"
            $0.fieldIDs = [1, 2, cause]
        }
        let one = try desk.ticket().id
        let two = try desk.ticket { $0.formID = long }.id
        #expect(try desk.run { try $0.catalog() }.defaultForm?.id == short)
        #expect(try missing(desk, one) { $0.status = .solved } == nil)
        #expect(try missing(desk, two) { $0.status = .solved } == ["Cause"])
        #expect(
            try missing(desk, two) {
                $0.status = .solved
                $0.formID = short
            } == nil)
        #expect(
            try desk.lastEvents(two).contains(
                #"["Change","ticket_form_id","\#(short)","\#(long)"]"#))
        #expect(try desk.refusal { try $0.deleteForm(short) } != nil)
        try desk.run { try $0.deleteForm(long) }
        #expect(try desk.run { try $0.catalog() }.forms.map(\.id) == [short])
    }

    @Test func onlyOneFormIsTheDefault() throws {
        let desk = try TestDesk()
        let first = try form(desk) { $0.name = "First" }
        let second = try form(desk) {
            $0.name = "Second"
            $0.isDefault = true
        }
        func defaults() throws -> [Int64] {
            try desk.run { try $0.forms(isActive: nil, isEndUserVisible: nil) }
                .filter(\.isDefault).map(\.id)
        }
        #expect(try defaults() == [second])
        var changes = TicketFormChanges()
        changes.isActive = false
        let rest = changes
        #expect(try desk.refusal { try $0.updateForm(second, rest) } != nil)
        _ = try desk.run { try $0.updateForm(first, rest) }
        let copy = try desk.run { try $0.cloneForm(second, namesClone: true) }
        #expect(copy.name == "Clone of Second" && !copy.isDefault)
        let order = try desk.run { try $0.reorderForms([copy.id, second]) }
        #expect(order.map(\.id) == [copy.id, second, first])
        #expect(
            try desk.run { try $0.forms(isActive: true, isEndUserVisible: nil) }.map(\.id)
                == [copy.id, second])
        #expect(throws: DeskRefusal.self) { try desk.ticket { $0.formID = first } }
    }

    @Test func conditionsThatMakeNoSenseAreRefused() throws {
        let desk = try TestDesk()
        let kind = try desk.field(.dropdown, "Kind", options: ["device"])
        let box = try desk.field(.checkbox, "Box")
        let text = try desk.field(.text, "Text")
        let off = try desk.field(.text, "Off")
        func condition(_ parent: Int64, _ value: String, _ child: Int64) -> FormCondition {
            FormCondition(
                parentID: parent, value: value, children: [.init(id: child, requirement: .never)])
        }
        func refused(_ conditions: [FormCondition]) throws -> Bool {
            var changes = TicketFormChanges()
            changes.name = "Form"
            changes.fieldIDs = [1, 2, 5, kind, box, text]
            changes.agentConditions = conditions
            let wanted = changes
            return try desk.refusal { try $0.createForm(wanted) } != nil
        }
        #expect(try !refused([condition(kind, "device", box), condition(box, "true", text)]))
        #expect(try !refused([condition(5, "high", text)]))
        #expect(try refused([condition(kind, "toaster", text)]))
        #expect(try refused([condition(box, "yes", text)]))
        #expect(try refused([condition(text, "x", box)]))
        #expect(try refused([condition(kind, "device", off)]))
        #expect(try refused([condition(off, "x", box)]))
        #expect(try refused([condition(box, "true", box)]))
        #expect(try refused([condition(kind, "device", box), condition(box, "true", kind)]))
        #expect(throws: DeskRefusal.self) { try form(desk) { $0.fieldIDs = [1, 1] } }
        #expect(throws: DeskRefusal.self) { try form(desk) { $0.fieldIDs = [99] } }
    }

    @Test func conditionsAreStoredAsTheyAre() {
        let all = [
            FormCondition(
                parentID: 7, value: "a\"b",
                children: [
                    .init(id: 1, requirement: .never), .init(id: 2, requirement: .always),
                    .init(id: 3, requirement: .inStatuses([.open, .solved])),
                ]), FormCondition(parentID: 8, value: "", children: []),
        ]
        #expect(FormCondition.list(FormCondition.text(all)) == all)
        #expect(FormCondition.list("[]") == [])
    }

    @Test func endUsersFillWhatThePortalShowsThem() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        let serial = try desk.field(.text, "Serial") {
            $0.isVisibleInPortal = true
            $0.isEditableInPortal = true
            $0.isRequiredInPortal = true
        }
        let inner = try desk.field(.text, "Inner") { $0.isVisibleInPortal = true }
        func ask(_ change: (inout TicketChanges) -> Void) throws -> DeskRefusal? {
            var changes = TicketChanges()
            changes.comment = CommentDraft(body: "Help")
            change(&changes)
            let wanted = changes
            return try desk.refusal(as: jane) { try $0.createRequest(wanted) }
        }
        guard case .invalid(let errors)? = try ask({ _ in }) else {
            Issue.record("nothing was asked for")
            return
        }
        #expect(errors.map(\.description) == ["Serial: is required"])
        #expect(try ask { $0.fields = [FieldChange(.id(serial), .text("A1"))] } == nil)
        #expect(
            try ask {
                $0.fields = [
                    FieldChange(.id(serial), .text("A1")), FieldChange(.id(inner), .text("B")),
                ]
            } != nil)
        let hidden = try form(desk) { $0.fieldIDs = [1, 2] }
        #expect(
            try ask {
                $0.formID = hidden
                $0.fields = [FieldChange(.id(serial), .text("A1"))]
            } != nil)
        // The default form does not have it.
        #expect(try ask { _ in } == nil)
    }
}
