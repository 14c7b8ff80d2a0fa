import ShardStore
import Testing
import Wire

@testable import ServiceDesk

extension TestDesk {
    /// Makes a field and says its number.
    func field(
        _ kind: FieldKind, _ title: String, of owner: FieldOwner = .ticket, options: [String] = [],
        _ change: (inout FieldDefinitionChanges) -> Void = { _ in }
    ) throws -> Int64 {
        var changes = FieldDefinitionChanges()
        changes.kind = kind
        changes.title = title
        if owner != .ticket { changes.key = title.lowercased() }
        if kind.hasOptions {
            changes.options = options.map {
                var option = FieldDefinitionChanges.Option()
                option.name = $0.uppercased()
                option.value = $0
                return option
            }
        }
        change(&changes)
        let wanted = changes
        return try run { try $0.createField(owner, wanted) }.id
    }

    func change(
        _ id: Int64, of owner: FieldOwner = .ticket,
        _ change: (inout FieldDefinitionChanges) -> Void
    ) throws {
        var changes = FieldDefinitionChanges()
        change(&changes)
        let wanted = changes
        _ = try run { try $0.updateField(id, of: owner, wanted) }
    }

    @discardableResult
    func set(_ ticket: Int64, _ field: Int64, _ value: FieldInput, as user: Int64? = nil) throws
        -> Ticket
    {
        try update(ticket, as: user) { $0.fields = [FieldChange(.id(field), value)] }.ticket
    }

    func refusal(_ ticket: Int64, _ field: Int64, _ value: FieldInput) throws -> DeskRefusal? {
        var changes = TicketChanges()
        changes.fields = [FieldChange(.id(field), value)]
        let wanted = changes
        return try refusal { try $0.updateTicket(ticket, wanted) }
    }

    /// Events of the ticket's last audit.
    func lastEvents(_ ticket: Int64) throws -> String {
        try run { try $0.audits(ofTicket: ticket, .offset(page: 1, size: 100)) }.items.last!.events
    }
}

/// Custom fields of tickets, users and organizations.
struct CustomFieldTests {
    // MARK: Types

    static let typed: [(FieldKind, FieldInput, CustomValue?)] = [
        (.text, .text("a \"b\"\n\u{1}ü"), .text("a \"b\"\n\u{1}ü")), (.text, .text(""), nil),
        (.textarea, .text("x"), .text("x")), (.integer, .text(" 042 "), .text("42")),
        (.integer, .text("-7"), .text("-7")), (.decimal, .text("01.50"), .text("1.50")),
        (.decimal, .text("-.5"), .text("-0.5")), (.decimal, .text("+3."), .text("3")),
        (.date, .text("2026-02-28"), .text("2026-02-28")),
        (.date, .text("2026-02-28T00:00:00Z"), .text("2026-02-28")),
        (.checkbox, .flag(true), .flag(true)), (.checkbox, .text("false"), .flag(false)),
        (.checkbox, .text("1"), .flag(true)), (.checkbox, .none, nil),
        (.dropdown, .text("Red"), .text("red")),
        (.multiselect, .list(["c", "a"]), .list(["a", "c"])),
        (.multiselect, .text("a b"), .list(["a", "b"])), (.multiselect, .list([]), nil),
        (.regexp, .text("AB-1"), .text("AB-1")),
    ]

    private func make(_ kind: FieldKind, _ desk: TestDesk) throws -> Int64 {
        try desk.field(
            kind, "Field", options: kind == .dropdown ? ["red", "green"] : ["a", "b", "c"]
        ) {
            if kind == .regexp { $0.pattern = "^[A-Z]+-\\d$" }
            if kind == .lookup { $0.target = .user }
        }
    }

    @Test(arguments: typed.indices)
    func aValueIsHeldInItsUsualForm(index: Int) throws {
        let (kind, input, expected) = Self.typed[index]
        let desk = try TestDesk()
        let field = try make(kind, desk)
        let ticket = try desk.ticket().id
        try desk.set(ticket, field, input)
        #expect(try desk.run { try $0.ticket(ticket) }.customFields[field] == expected)
    }

    static let refused: [(FieldKind, FieldInput, FieldProblem)] = [
        (.text, .flag(true), .wrongType), (.text, .list(["x"]), .wrongType),
        (.text, .text(String(repeating: "x", count: 65_537)), .tooLong),
        (.integer, .text("1.5"), .wrongType), (.integer, .text("99999999999999999999"), .wrongType),
        (.decimal, .text("1e5"), .wrongType), (.decimal, .text("."), .wrongType),
        (.decimal, .text("1.2.3"), .wrongType), (.date, .text("2026-02-30"), .wrongType),
        (.date, .text("soon"), .wrongType), (.checkbox, .text("maybe"), .wrongType),
        (.dropdown, .text("blue"), .invalid), (.multiselect, .list(["a", "z"]), .invalid),
        (.multiselect, .flag(true), .wrongType), (.regexp, .text("ab-1"), .invalid),
        (.regexp, .text(String(repeating: "A", count: 1023) + "-1"), .tooLong),
        (.lookup, .text("12"), .invalid), (.lookup, .text("x"), .invalid),
    ]

    @Test(arguments: refused.indices)
    func aValueOfAnotherTypeIsRefusedByFieldAndTitle(index: Int) throws {
        let (kind, input, problem) = Self.refused[index]
        let desk = try TestDesk()
        let field = try make(kind, desk)
        let ticket = try desk.ticket().id
        guard case .invalid(let errors)? = try desk.refusal(ticket, field, input) else {
            Issue.record("\(kind) took \(input)")
            return
        }
        #expect(errors.map(\.field) == [String(field)])
        #expect(errors.map(\.problem) == [problem])
        #expect(errors[0].description.hasPrefix("Field: "))
    }

    /// One pattern may take its time; a request may not make it the time of hundreds.
    @Test func manySlowPatternsAreNotRunInOneRequest() throws {
        let desk = try TestDesk()
        let ticket = try desk.ticket().id
        let fields = try (0..<5).map { number in
            try desk.field(.regexp, "Large \(number)") { $0.pattern = "^a|b{990}" }
        }
        let text = String(repeating: "a", count: ValuePattern.valueLimit)
        func changes(_ count: Int) -> TicketChanges {
            var changes = TicketChanges()
            changes.fields = fields.prefix(count).map { FieldChange(.id($0), .text(text)) }
            return changes
        }
        let (few, many) = (changes(3), changes(5))
        #expect(try desk.refusal { try $0.updateTicket(ticket, few) } == nil)
        guard case .invalid(let errors)? = try desk.refusal({ try $0.updateTicket(ticket, many) })
        else {
            Issue.record("all of them were matched")
            return
        }
        #expect(errors.map(\.field) == [String(fields[4])])
    }

    @Test func everyFieldThatIsWrongIsNamed() throws {
        let desk = try TestDesk()
        let number = try desk.field(.integer, "Number")
        let date = try desk.field(.date, "Date")
        let ticket = try desk.ticket().id
        var changes = TicketChanges()
        changes.fields = [
            FieldChange(.id(number), .text("x")), FieldChange(.id(date), .text("y")),
            FieldChange(.id(77), .text("z")), FieldChange(.id(78), .none),
        ]
        let wanted = changes
        guard
            case .invalid(let errors)? = try desk.refusal({ try $0.updateTicket(ticket, wanted) })
        else {
            Issue.record("nothing was refused")
            return
        }
        #expect(errors.map(\.field) == [String(number), String(date), "77"])
    }

    @Test func aLookupPointsToWhatExists() throws {
        let desk = try TestDesk()
        let jane = try desk.endUser()
        let organization = try desk.organization("Acme")
        let other = try desk.ticket().id
        let ticket = try desk.ticket().id
        for (target, id) in [
            (LookupTarget.user, jane), (.organization, organization), (.ticket, other),
        ] {
            let field = try desk.field(.lookup, target.name) { $0.target = target }
            let set = try desk.set(ticket, field, .text(String(id)))
            #expect(set.customFields.texts(field) == [String(id)])
            #expect(try desk.refusal(ticket, field, .text("987654")) != nil)
        }
        let field = try desk.field(.lookup, "Deleted") { $0.target = .ticket }
        try desk.run { try $0.deleteTicket(other) }
        #expect(try desk.refusal(ticket, field, .text(String(other))) != nil)
    }

    // MARK: Tags

    @Test func aChoiceAndItsTagFollowEachOther() throws {
        let desk = try TestDesk()
        let color = try desk.field(.dropdown, "Color", options: ["red", "green", "blue"])
        let ticket = try desk.ticket { $0.tags = ["vip"] }.id
        func state() throws -> [String] {
            let found = try desk.run { try $0.ticket(ticket) }
            return [found.customFields.texts(color).first ?? "-"] + found.tags
        }
        try desk.set(ticket, color, .text("red"))
        #expect(try state() == ["red", "red", "vip"])
        try desk.set(ticket, color, .text("green"))
        #expect(try state() == ["green", "green", "vip"])
        try desk.update(ticket) { $0.additionalTags = ["blue"] }
        #expect(try state() == ["blue", "blue", "vip"])
        try desk.update(ticket) { $0.removedTags = ["blue"] }
        #expect(try state() == ["-", "vip"])
        try desk.update(ticket) { $0.tags = ["red", "x"] }
        #expect(try state() == ["red", "red", "x"])
        // A client that sends everything back means the field, not the tags it read before.
        try desk.update(ticket) {
            $0.tags = ["red", "x"]
            $0.fields = [FieldChange(.id(color), .text("green"))]
        }
        #expect(try state() == ["green", "green", "x"])
        try desk.set(ticket, color, .none)
        #expect(try state() == ["-", "x"])
        try desk.update(ticket) { $0.additionalTags = ["red", "green"] }
        let both = try state()
        #expect(both.count == 3 && both[0] == both[1])
        #expect(try desk.number("SELECT count(*) FROM tags WHERE tenant = ?1") == 2)
    }

    @Test func severalChoicesAndBoxesFollowTheirTagsToo() throws {
        let desk = try TestDesk()
        let parts = try desk.field(.multiselect, "Parts", options: ["lid", "door", "hinge"])
        let urgent = try desk.field(.checkbox, "Urgent") { $0.tag = "is_urgent" }
        let plain = try desk.field(.checkbox, "Plain")
        let ticket = try desk.ticket {
            $0.fields = [
                FieldChange(.id(parts), .list(["hinge", "lid"])),
                FieldChange(.id(urgent), .flag(true)), FieldChange(.id(plain), .flag(true)),
            ]
        }
        #expect(ticket.tags == ["hinge", "is_urgent", "lid"])
        #expect(ticket.customFields[parts] == .list(["lid", "hinge"]))
        var now = try desk.update(ticket.id) {
            $0.removedTags = ["lid", "is_urgent"]
            $0.additionalTags = ["door"]
        }.ticket
        #expect(now.customFields[parts] == .list(["door", "hinge"]))
        #expect(now.customFields[urgent] == .flag(false))
        #expect(now.customFields[plain] == .flag(true))
        now = try desk.set(ticket.id, urgent, .flag(true))
        #expect(now.tags == ["door", "hinge", "is_urgent"])
        now = try desk.set(ticket.id, parts, .none)
        #expect(now.tags == ["is_urgent"])
    }

    @Test func aTagBelongsToOneField() throws {
        let desk = try TestDesk()
        let first = try desk.field(.dropdown, "First", options: ["red"])
        func refused(_ body: @escaping (WritingDesk) throws -> Void) throws -> String? {
            guard case .invalid(let errors)? = try desk.refusal(body) else { return nil }
            return errors[0].problem.rawValue + " " + errors[0].description
        }
        var box = FieldDefinitionChanges()
        box.kind = .checkbox
        box.title = "Box"
        box.tag = "red"
        let wanted = box
        #expect(
            try refused { _ = try $0.createField(.ticket, wanted) }
                == "DuplicateValue Tag: red is already used by the field First")
        // A field that was deleted frees its tags, and then cannot come back over another.
        try desk.run { try $0.deleteField(first, of: .ticket) }
        let second = try desk.run { try $0.createField(.ticket, wanted) }.id
        #expect(try refused { _ = try $0.restoreField(first, of: .ticket) } != nil)
        try desk.run { try $0.deleteField(second, of: .ticket) }
        _ = try desk.run { try $0.restoreField(first, of: .ticket) }
    }

    // MARK: Nothing is lost

    @Test func aDeletedFieldComesBackWithItsValues() throws {
        let desk = try TestDesk()
        let note = try desk.field(.text, "Note")
        let color = try desk.field(.dropdown, "Color", options: ["red", "green"])
        let ticket = try desk.ticket {
            $0.fields = [
                FieldChange(.id(note), .text("kept")), FieldChange(.id(color), .text("red")),
            ]
        }.id
        for id in [note, color] { try desk.run { try $0.deleteField(id, of: .ticket) } }
        var catalog = try desk.run { try $0.catalog() }
        #expect(catalog.shown(.ticket).isEmpty)
        #expect(Set(catalog.deleted(.ticket).map(\.id)) == [note, color])
        #expect(try desk.refusal(ticket, note, .text("new")) != nil)
        // Writes in between, also of the tag that was the choice.
        try desk.update(ticket) {
            $0.subject = "Other"
            $0.tags = []
        }
        for id in [note, color] { _ = try desk.run { try $0.restoreField(id, of: .ticket) } }
        catalog = try desk.run { try $0.catalog() }
        #expect(catalog.shown(.ticket).map(\.id) == [note, color])
        #expect(catalog.field(color, of: .ticket)?.options.count == 2)
        let found = try desk.run { try $0.ticket(ticket) }
        #expect(found.customFields[note] == .text("kept"))
        #expect(found.customFields[color] == .text("red"))
    }

    @Test func anOptionThatIsGoneStaysOnTicketsThatHaveIt() throws {
        let desk = try TestDesk()
        let color = try desk.field(.dropdown, "Color", options: ["red", "green"])
        let parts = try desk.field(.multiselect, "Parts", options: ["lid", "door"])
        let ticket = try desk.ticket {
            $0.fields = [
                FieldChange(.id(color), .text("red")),
                FieldChange(.id(parts), .list(["lid", "door"])),
            ]
        }.id
        for (field, value) in [(color, "red"), (parts, "lid")] {
            let option = try desk.run { try $0.field(field, of: .ticket) }.option(value)!.id
            try desk.run { try $0.deleteOption(option, ofField: field, .ticket) }
        }
        let other = try desk.ticket().id
        #expect(try desk.refusal(other, color, .text("red")) != nil)
        #expect(try desk.refusal(other, parts, .list(["lid"])) != nil)
        var found = try desk.set(ticket, parts, .list(["lid"]))
        #expect(found.customFields[color] == .text("red"))
        #expect(found.customFields[parts] == .list(["lid"]))
        // Sent back as it was read, and other tags come and go.
        found = try desk.update(ticket) {
            $0.fields = [FieldChange(.id(color), .text("red"))]
            $0.additionalTags = ["door"]
        }.ticket
        #expect(found.customFields[color] == .text("red"))
        #expect(found.customFields[parts] == .list(["lid", "door"]))
        found = try desk.set(ticket, color, .text("green"))
        #expect(found.customFields[color] == .text("green"))
        #expect(!found.tags.contains("red") && found.tags.contains("green"))
    }

    @Test func aRestingFieldKeepsItsValuesAndTakesNone() throws {
        let desk = try TestDesk()
        let note = try desk.field(.text, "Note")
        let ticket = try desk.ticket { $0.fields = [FieldChange(.id(note), .text("kept"))] }.id
        try desk.change(note) { $0.isActive = false }
        #expect(try desk.run { try $0.catalog() }.shown(.ticket).isEmpty)
        #expect(try desk.refusal(ticket, note, .text("new")) != nil)
        try desk.update(ticket) { $0.subject = "Other" }
        #expect(try desk.run { try $0.ticket(ticket) }.customFields[note] == .text("kept"))
    }

    @Test func everyChangeOfAValueIsInTheAudit() throws {
        let desk = try TestDesk()
        let note = try desk.field(.text, "Note")
        let parts = try desk.field(.multiselect, "Parts", options: ["lid", "door"])
        let box = try desk.field(.checkbox, "Box")
        let ticket = try desk.ticket { $0.fields = [FieldChange(.id(note), .text("one"))] }.id
        #expect(try desk.lastEvents(ticket).contains(#"["Create","\#(note)","one"]"#))
        try desk.update(ticket) {
            $0.fields = [
                FieldChange(.id(note), .text("two")), FieldChange(.id(parts), .list(["door"])),
                FieldChange(.id(box), .flag(true)),
            ]
        }
        let events = try desk.lastEvents(ticket)
        #expect(events.contains(#"["Change","\#(note)","two","one"]"#))
        #expect(events.contains(#"["Change","\#(parts)",["door"],null]"#))
        #expect(events.contains(#"["Change","\#(box)","true",null]"#))
        #expect(events.contains(#"["Change","tags",["door"],[]]"#))
        let version = try desk.run { try $0.ticket(ticket) }.version
        #expect(try desk.set(ticket, note, .text("two")).version == version)
        try desk.set(ticket, note, .none)
        #expect(try desk.lastEvents(ticket) == #"[["Change","\#(note)",null,"two"]]"#)
    }

    @Test func aFollowUpBeginsWithTheValuesOfWhatItContinues() throws {
        let desk = try TestDesk()
        let color = try desk.field(.dropdown, "Color", options: ["red"])
        let ticket = try desk.ticket { $0.fields = [FieldChange(.id(color), .text("red"))] }.id
        try desk.update(ticket) { $0.status = .closed }
        let next = try desk.ticket { $0.followupSourceID = ticket }
        #expect(next.customFields[color] == .text("red") && next.tags == ["red"])
    }

    // MARK: Definitions

    @Test func theTypeAndTheKeyOfAFieldStay() throws {
        let desk = try TestDesk()
        let note = try desk.field(.text, "Note")
        let age = try desk.field(.integer, "Age", of: .user)
        var changes = FieldDefinitionChanges()
        changes.kind = .integer
        let wanted = changes
        #expect(try desk.refusal { try $0.updateField(note, of: .ticket, wanted) } != nil)
        #expect(try desk.refusal { try $0.updateField(note, of: .user, wanted) } == .notFound)
        changes.kind = nil
        changes.key = "years"
        let renamed = changes
        #expect(try desk.refusal { try $0.updateField(age, of: .user, renamed) } != nil)
    }

    @Test func whatEveryTicketHasStandsAmongTheFieldsAndStays() throws {
        let desk = try TestDesk()
        let note = try desk.field(.text, "Note")
        func list() throws -> [Int64] { try desk.run { try $0.catalog() }.list(.ticket).map(\.id) }
        #expect(try list() == [1, 2, 3, 4, 5, 6, 7, note])
        try desk.run { try $0.reorderFields(.ticket, [note, 5]) }
        #expect(try list() == [note, 5, 1, 2, 3, 4, 6, 7])
        try desk.change(5) { $0.portalTitle = "How urgent?" }
        let priority = try desk.run { try $0.field(5, of: .ticket) }
        #expect(priority.portalTitle == "How urgent?" && priority.kind == .priority)
        #expect(try desk.refusal { try $0.deleteField(5, of: .ticket) } != nil)
        var rest = FieldDefinitionChanges()
        rest.isActive = false
        let wanted = rest
        #expect(try desk.refusal { try $0.updateField(3, of: .ticket, wanted) } != nil)
        let ticket = try desk.ticket().id
        #expect(try desk.refusal(ticket, 5, .text("high")) != nil)
    }

    @Test func agentsReadDefinitionsAndOnlyAdminsWriteThem() throws {
        let desk = try TestDesk()
        let note = try desk.field(.text, "Note")
        let (ben, jane) = (try desk.agent(), try desk.endUser())
        var changes = FieldDefinitionChanges()
        changes.title = "X"
        let wanted = changes
        #expect(try desk.run(as: ben) { try $0.field(note, of: .ticket) }.title == "Note")
        for user in [ben, jane] {
            #expect(try desk.refusal(as: user) { try $0.createField(.ticket, wanted) } != nil)
            #expect(
                try desk.refusal(as: user) { try $0.updateField(note, of: .ticket, wanted) } != nil)
            #expect(try desk.refusal(as: user) { try $0.deleteField(note, of: .ticket) } != nil)
            #expect(try desk.refusal(as: user) { try $0.restoreField(note, of: .ticket) } != nil)
            #expect(try desk.refusal(as: user) { try $0.reorderFields(.ticket, []) } != nil)
        }
        #expect(try desk.refusal(as: jane) { try $0.field(note, of: .ticket) } != nil)
    }

    @Test func aDeskHasAtMostSoManyFieldsAndOptions() throws {
        let desk = try TestDesk()
        let options = (0...2000).map { "o\($0)" }
        #expect(throws: DeskRefusal.self) {
            try desk.field(.dropdown, "Many", options: options)
        }
        let many = try desk.field(.dropdown, "Many", options: options.dropLast())
        #expect(try desk.run { try $0.field(many, of: .ticket) }.options.count == 2000)
        var changes = FieldDefinitionChanges()
        changes.title = "Field"
        let wanted = changes
        let system = Int(FieldDefinition.system.count)
        _ = try desk.run { desk in
            for _ in 0..<(400 - system - 1) { _ = try desk.createField(.ticket, wanted) }
        }
        #expect(try desk.refusal { try $0.createField(.ticket, wanted) } != nil)
    }

    // MARK: Users and organizations

    @Test func usersAndOrganizationsHaveFieldsByKey() throws {
        let desk = try TestDesk()
        let plan = try desk.field(.dropdown, "Plan", of: .user, options: ["gold", "silver"])
        let seats = try desk.field(.integer, "Seats", of: .organization)
        let jane = try desk.endUser()
        func change(as user: Int64? = nil, _ change: (inout UserChanges) -> Void) throws
            -> Result<User, DeskRefusal>
        {
            var changes = UserChanges()
            change(&changes)
            let wanted = changes
            do {
                return .success(
                    try desk.run(as: user) { try $0.updateUser(jane, wanted, agentLimit: 9) })
            } catch let refusal as DeskRefusal { return .failure(refusal) }
        }
        var user = try change { $0.fields = [FieldChange(.key("plan"), .text("gold"))] }.get()
        #expect(user.customFields[plan] == .text("gold") && user.tags == ["gold"])
        user = try change {
            $0.tags = ["silver"]
            $0.name = "Jane D."
        }.get()
        #expect(user.customFields[plan] == .text("silver"))
        guard case .failure = try change({ $0.fields = [FieldChange(.key("seats"), .text("1"))] })
        else {
            Issue.record("a user has no seats")
            return
        }
        // Not one's own to say.
        let own = try change(as: jane) { $0.fields = [FieldChange(.key("plan"), .text("gold"))] }
        guard case .failure(.forbidden) = own else {
            Issue.record("an end user set their own field")
            return
        }
        var acme = OrganizationChanges()
        acme.name = "Acme"
        acme.fields = [FieldChange(.key("seats"), .text("12"))]
        let made = acme
        let organization = try desk.run { try $0.createOrganization(made) }
        #expect(organization.customFields[seats] == .text("12"))
        acme = OrganizationChanges()
        acme.fields = [FieldChange(.key("seats"), .text("x"))]
        let bad = acme
        guard
            case .invalid(let errors)? = try desk.refusal({
                try $0.updateOrganization(organization.id, bad)
            })
        else {
            Issue.record("a text is a number")
            return
        }
        #expect(errors.map(\.field) == ["seats"])
    }

    @Test(arguments: ["", "a b", "123", "ä", "a.b"])
    func aKeyIsAWord(key: String) throws {
        let desk = try TestDesk()
        #expect(throws: DeskRefusal.self) {
            try desk.field(.text, "T", of: .user) { $0.key = key }
        }
        _ = try desk.field(.text, "T", of: .user) { $0.key = "a-B_1" }
        #expect(throws: DeskRefusal.self) {
            try desk.field(.text, "U", of: .user) { $0.key = "a-B_1" }
        }
        _ = try desk.field(.text, "T", of: .organization) { $0.key = "a-B_1" }
    }

    // MARK: The catalog

    @Test func aDeskWithoutDefinitionsHasNoRowsOfThem() throws {
        let desk = try TestDesk()
        let ticket = try desk.ticket()
        #expect(ticket.customStatusID == 1)
        #expect(try desk.run { try $0.catalog() } === FieldCatalog.empty)
        for table in ["fields", "field_options", "custom_statuses", "ticket_forms"] {
            #expect(try desk.number("SELECT count(*) FROM \(table) WHERE tenant = ?1") == 0)
        }
        #expect(
            try desk.number(
                "SELECT count(*) FROM tickets WHERE tenant = ?1 AND custom_fields IS NULL AND custom_status_id IS NULL AND form_id IS NULL"
            ) == 1)
    }

    /// What a transaction that was taken back defined must not be found by what comes after it, though the numbers are
    /// given out again.
    @Test func whatWasTakenBackIsNotInTheCatalog() throws {
        struct Undo: Error {}
        let desk = try TestDesk()
        func make(_ title: String, undo: Bool) throws -> [String] {
            var titles: [String] = []
            try? desk.run { desk in
                var changes = FieldDefinitionChanges()
                changes.title = title
                _ = try desk.createField(.ticket, changes)
                titles = try desk.catalog().shown(.ticket).map(\.title)
                if undo { throw Undo() }
            }
            return titles
        }
        #expect(try make("Undone", undo: true) == ["Undone"])
        #expect(try desk.run { try $0.catalog() }.shown(.ticket).isEmpty)
        #expect(try make("Done", undo: false) == ["Done"])
        #expect(try desk.run { try $0.catalog() }.shown(.ticket).map(\.title) == ["Done"])
    }

    @Test func desksOfOneProcessDoNotShareDefinitions() throws {
        let (one, two) = (try TestDesk(), try TestDesk())
        _ = try one.field(.text, "One")
        _ = try two.field(.text, "Two")
        #expect(try one.run { try $0.catalog() }.shown(.ticket).map(\.title) == ["One"])
        #expect(try two.run { try $0.catalog() }.shown(.ticket).map(\.title) == ["Two"])
    }

    @Test func theCacheForgetsWhatWasNotUsedForLongest() {
        let cache = DefinitionCache<FieldCatalog>(weightLimit: 10)
        func catalog(_ digest: Int64) -> FieldCatalog {
            FieldCatalog(digest: digest, fields: [], options: [], statuses: [], forms: [])
        }
        let tenant = TenantID(rawValue: 1)
        for digest in 1...10 {
            cache.keep(catalog(Int64(digest)), tenant, Int64(digest), weight: 1)
        }
        #expect(cache.find(tenant, 1) != nil && cache.count == 10)
        #expect(cache.find(TenantID(rawValue: 2), 1) == nil)
        cache.keep(catalog(11), tenant, 11, weight: 1)
        #expect(cache.count == 5)
        #expect(cache.find(tenant, 1) != nil && cache.find(tenant, 11) != nil)
        #expect(cache.find(tenant, 2) == nil)
    }

    /// Random changes, after each of which values, tags and counters hold together, and the rows add up.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func choicesAndTagsHoldTogether(seed: UInt64) throws {
        var dice = SearchRandom(seed: seed)
        let desk = try TestDesk()
        let color = try desk.field(.dropdown, "Color", options: ["red", "green", "blue"])
        let parts = try desk.field(.multiselect, "Parts", options: ["lid", "door", "hinge"])
        let box = try desk.field(.checkbox, "Box") { $0.tag = "boxed" }
        let all = ["red", "green", "blue", "lid", "door", "hinge", "boxed", "x", "y"]
        func some() -> [String] { all.filter { _ in Int.random(in: 0..<3, using: &dice) == 0 } }
        let ticket = try desk.ticket().id
        for step in 0..<120 {
            var changes = TicketChanges()
            if Bool.random(using: &dice) { changes.tags = some() }
            if Bool.random(using: &dice) { changes.additionalTags = some() }
            if Bool.random(using: &dice) { changes.removedTags = some() }
            if Int.random(in: 0..<3, using: &dice) == 0 {
                let value = ["red", "green", "blue", ""].randomElement(using: &dice)!
                changes.fields.append(FieldChange(.id(color), .text(value)))
            }
            if Int.random(in: 0..<3, using: &dice) == 0 {
                let values = ["lid", "door", "hinge"].filter { _ in Bool.random(using: &dice) }
                changes.fields.append(FieldChange(.id(parts), .list(values)))
            }
            if Int.random(in: 0..<3, using: &dice) == 0 {
                changes.fields.append(
                    FieldChange(.id(box), .flag(Bool.random(using: &dice))))
            }
            let wanted = changes
            let found = try desk.run { try $0.updateTicket(ticket, wanted) }.ticket
            let tags = Set(found.tags)
            let note = "seed \(seed), step \(step)"
            #expect(
                tags.intersection(["red", "green", "blue"]) == Set(found.customFields.texts(color)),
                "\(note)")
            #expect(
                tags.intersection(["lid", "door", "hinge"]) == Set(found.customFields.texts(parts)),
                "\(note)")
            #expect(tags.contains("boxed") == (found.customFields[box] == .flag(true)), "\(note)")
            for change in wanted.fields {
                guard case .id(let id) = change.field, id != box else { continue }
                let expected: [String] =
                    switch change.value {
                    case .text(let text): text.isEmpty ? [] : [text]
                    case .list(let items): items
                    default: []
                    }
                #expect(found.customFields.texts(id) == expected, "\(note)")
            }
        }
        #expect(try desk.store.scrub().isEmpty)
    }
}
