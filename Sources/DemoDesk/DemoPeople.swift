/// The people of the demo desk.
enum DemoPeople {
    static let agents = [
        DemoDesk.Agent(name: "Maren Holt", email: "maren@brightwater.example", groups: [0]),
        DemoDesk.Agent(name: "Tomás Rivera", email: "tomas@brightwater.example", groups: [0, 1]),
        DemoDesk.Agent(name: "Priya Nair", email: "priya@brightwater.example", groups: [0]),
        DemoDesk.Agent(
            name: "Jonas Lindqvist", email: "jonas@brightwater.example", groups: [0, 1]),
        DemoDesk.Agent(name: "Aisha Bello", email: "aisha@brightwater.example", groups: [0, 2]),
        DemoDesk.Agent(name: "Wen Zhao", email: "wen@brightwater.example", groups: [0, 2]),
    ]

    static let organizations = [
        "Harbour Hotel", "Oak Street Dental", "Northlight Studios", "Café Ostrova",
        "Millbrook Primary School", "Teller & Sons Solicitors", "Greenfield Co-working",
        "Lakeside Care Home", "Pallas Logistics", "St Anne's Library", "Quarry Lane Brewery",
        "Fernhill Veterinary Clinic",
    ]

    static let customerCount = 60

    private static let firstNames = [
        "Olivia", "Bo", "Chidi", "Dana", "Emil", "Farah", "Gustav", "Hana", "Ines", "Jakub",
        "Keiko", "Lars", "Mina", "Noor", "Otis", "Petra", "Quentin", "Rosa", "Sven", "Tariq",
    ]
    private static let lastNames = [
        "Abbott", "Berg", "Castillo", "Dvořák", "Eriksen", "Fontaine", "Gallagher", "Haddad",
        "Ito", "Jansen", "Kowalski", "Lombardi", "Moreau", "Novak", "Okafor", "Petersen", "Quinn",
        "Rossi", "Schäfer", "Tanaka",
    ]

    static func firstName(ofCustomer place: Int) -> String { firstNames[place % firstNames.count] }

    static func customers(_ random: inout SeededGenerator) -> [DemoDesk.Customer] {
        (0..<customerCount).map { place in
            let first = firstName(ofCustomer: place)
            let last = lastNames[(place * 7 + place / firstNames.count) % lastNames.count]
            let organization = place % 5 == 0 ? nil : random.below(organizations.count)
            return DemoDesk.Customer(
                name: "\(first) \(last)", email: "customer\(place + 1)@mail.example",
                organization: organization)
        }
    }
}

/// The words that change from ticket to ticket, the same within one.
struct DemoWords {
    private let product: String
    private let order: Int
    private let color: String
    private let days: Int
    private let amount: Int

    init(_ random: inout SeededGenerator) {
        product = random.pick([
            "Brook 1.7", "Brook 1.0", "Torrent Pro", "Cascade Glass", "Rill Travel", "Fjord Mini",
        ])
        order = 40_000 + random.below(9000)
        color = random.pick(["black", "white", "red", "copper", "sage green"])
        days = 3 + random.below(15)
        amount = 39 + random.below(120)
    }

    func fill(_ template: String, _ customer: String, _ random: inout SeededGenerator) -> String {
        var text = template
        for (mark, word) in [
            ("{product}", product), ("{order}", String(order)), ("{color}", color),
            ("{days}", String(days)), ("{amount}", "€\(amount).90"), ("{name}", customer),
            (
                "{thanks}",
                random.pick(["Thank you", "Many thanks", "Thanks a lot", "Kind regards"])
            ),
            ("{hello}", random.pick(["Hello", "Good morning", "Hi there", "Dear team"])),
        ] {
            text = text.split(separator: mark, omittingEmptySubsequences: false)
                .joined(separator: word)
        }
        return text
    }
}
