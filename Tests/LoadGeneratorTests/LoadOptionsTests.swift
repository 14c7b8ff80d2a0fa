import Measurement
import Testing

@testable import LoadGenerator

@Suite struct LoadOptionsTests {
    @Test func withoutOptionsItIsTheCanonicalWorkload() throws {
        let plan = try LoadOptions().plan()
        #expect(plan.nodes == 3 && plan.tenants == 100 && plan.tickets == 50 && plan.seed == 1)
        #expect(plan.mix.description == "create=1,update=3,comment=2,get=10,list=3,search=1")
        #expect(
            plan.loads == [
                .init(name: "closed", loop: .closed(clients: 64), seconds: 15),
                .init(name: "open", loop: .openAtHalf(connections: 64), seconds: 15),
            ])
        #expect(plan.configuration["mix"] == plan.mix.description)
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let words: [String]
        let set: @Sendable (inout LoadOptions) -> Void
        var testDescription: String { words.joined(separator: " ") }
        init(_ words: String..., set: @escaping @Sendable (inout LoadOptions) -> Void) {
            self.words = words
            self.set = set
        }
    }

    @Test(arguments: [
        Refused("--clients", "--rate") {
            $0.clients = 1; $0.rate = 1
        },
        Refused("--mix", "--read-heavy") {
            $0.mix = "get=1"; $0.readHeavy = true
        },
        Refused("--writes-only", "--reads-only") {
            $0.writesOnly = true; $0.readsOnly = true
        },
        Refused("--cluster", "--nodes") {
            $0.cluster = "x"; $0.nodes = 3
        },
        Refused("--cluster", "--failover") {
            $0.cluster = "x"; $0.failover = true
        },
        Refused("--tenants", "--many-tenants") {
            $0.tenants = 3; $0.manyTenants = 3
        },
        Refused("--seconds", "--soak") {
            $0.seconds = 3; $0.soakMinutes = 3
        },
        Refused("--against", "--burst") {
            $0.against = "x"; $0.burst = true
        },
        Refused("--clients", "--burst") {
            $0.clients = 2; $0.burst = true
        },
        Refused("--kills", "--failover") { $0.kills = 2 },
        Refused("--rounds", "--against") { $0.rounds = 2 },
        Refused("--failover", "3 nodes") {
            $0.failover = true; $0.nodes = 2
        },
        Refused("--failover", "writes") {
            $0.failover = true; $0.readsOnly = true
        },
        Refused("--one-hot-tenant", "2 tenants") {
            $0.oneHotTenant = true; $0.tenants = 1
        },
        Refused("--rate", "1.0 to") { $0.rate = 0 },
        Refused("--nodes", "1 to 7") { $0.nodes = 9 },
        Refused("--mix", "fetch") { $0.mix = "fetch=1" },
        Refused("--mix", "above 0") { $0.mix = "get=0" },
        Refused("--mix", "twice") { $0.mix = "get=1,get=2" },
        Refused("--mix", "weight") { $0.mix = "get=many" },
        Refused("--mix", "OPERATION=WEIGHT") { $0.mix = "" },
    ])
    func contradictionsAreNamed(_ refused: Refused) throws {
        var options = LoadOptions()
        refused.set(&options)
        let failure = #expect(throws: LoadFailure.self) { try options.plan() }
        for word in refused.words {
            #expect(failure?.description.contains(word) == true, "\(failure?.description ?? "")")
        }
    }

    @Test func aSoakFindsItsRateFirst() throws {
        var options = LoadOptions()
        options.soakMinutes = 2
        #expect(
            try options.plan().loads == [
                .init(name: "closed", loop: .closed(clients: 64), seconds: 10),
                .init(name: "soak open", loop: .openAtHalf(connections: 64), seconds: 120),
            ])
        options.clients = 3
        #expect(
            try options.plan().loads == [
                .init(name: "soak closed", loop: .closed(clients: 3), seconds: 120)
            ])
    }

    @Test(arguments: [(9_876.0, 4_900.0), (1_000, 500), (120, 60), (19, 9), (0.5, 1)])
    func halfOfARateHasTwoDigits(rate: Double, half: Double) {
        #expect(LoadPlan.half(of: rate) == half)
    }
}
