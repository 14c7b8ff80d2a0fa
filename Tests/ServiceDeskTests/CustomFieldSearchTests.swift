import Testing

@testable import ServiceDesk

/// Searches by custom fields.
struct CustomFieldSearchTests {
    private func find(_ desk: TestDesk, _ text: String) throws -> [Int64] {
        let query = try SearchQuery(text)
        return try desk.run { try $0.search(query) }.items.map(\.id).sorted()
    }

    @Test func ticketsAreFoundByTheValuesOfTheirFields() throws {
        let desk = try TestDesk()
        let color = try desk.field(.dropdown, "Color", options: ["red", "green"])
        let parts = try desk.field(.multiselect, "Parts", options: ["lid", "door"])
        let count = try desk.field(.integer, "Count")
        let day = try desk.field(.date, "Day")
        let box = try desk.field(.checkbox, "Box")
        let note = try desk.field(.text, "Note")
        func ticket(_ values: [(Int64, FieldInput)]) throws -> Int64 {
            try desk.ticket { $0.fields = values.map { FieldChange(.id($0.0), $0.1) } }.id
        }
        let one = try ticket([
            (color, .text("red")), (count, .text("9")), (day, .text("2026-01-31")),
            (box, .flag(true)), (note, .text("Serial \"A_1\"")),
        ])
        let two = try ticket([
            (color, .text("green")), (parts, .list(["lid", "door"])), (count, .text("10")),
            (day, .text("2026-03-01")),
        ])
        let three = try ticket([])
        let all: [(String, [Int64])] = [
            ("custom_field_\(color):red", [one]), ("custom_field_\(color):RED", [one]),
            ("custom_field_\(color):r*", [one]), ("custom_field_\(color):*", [one, two]),
            ("type:ticket custom_field_\(color):none", [three]),
            ("type:ticket -custom_field_\(color):red", [two, three]),
            ("custom_field_\(color):red custom_field_\(color):green", [one, two]),
            ("custom_field_\(parts):door", [two]), ("custom_field_\(count)>9", [two]),
            ("custom_field_\(count)<=9.5", [one]), ("custom_field_\(count):9", [one]),
            ("custom_field_\(day)>=2026-02-01", [two]), ("custom_field_\(box):true", [one]),
            ("type:ticket custom_field_\(box):false", [two, three]),
            ("custom_field_\(note):\"serial \"*", [one]), ("custom_field_\(note):A*", []),
            ("fieldvalue:red", [one]), ("fieldvalue:door", [two]), ("fieldvalue:10", [two]),
            ("fieldvalue:1", []), ("type:ticket fieldvalue:none", [three]),
            ("custom_field_77:red", []), ("custom_field_x:red", []), ("custom_field_5:high", []),
        ]
        for (text, expected) in all { #expect(try find(desk, text) == expected, "\(text)") }
        // A pattern's own signs are letters like any other.
        #expect(try find(desk, "custom_field_\(note):%*") == [])
    }

    @Test func peopleAreFoundByKey() throws {
        let desk = try TestDesk()
        _ = try desk.field(.dropdown, "Plan", of: .user, options: ["gold", "silver"])
        _ = try desk.field(.integer, "Seats", of: .organization)
        let jane = try desk.endUser()
        var gold = UserChanges()
        gold.fields = [FieldChange(.key("plan"), .text("gold"))]
        let wanted = gold
        _ = try desk.run { try $0.updateUser(jane, wanted, agentLimit: 9) }
        var acme = OrganizationChanges()
        acme.name = "Acme"
        acme.fields = [FieldChange(.key("seats"), .text("12"))]
        let made = acme
        let organization = try desk.run { try $0.createOrganization(made) }.id
        #expect(try find(desk, "type:user plan:gold") == [jane])
        #expect(try find(desk, "plan:silver") == [])
        #expect(try find(desk, "seats>11") == [organization])
    }
}
