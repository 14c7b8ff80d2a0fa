import ShardStore
import Testing
import Wire

@testable import ServiceDesk

/// What can be proved of rules, compared with what holds for random tickets; and each finding once.
struct RuleCheckTests {
    private static let subjects: [RuleSubject] = {
        var random = RandomRules(seed: 42)
        return (0..<10_000).map { _ in random.subject() }
    }()

    // MARK: Proofs

    @Test(arguments: [UInt64(1), 2, 3])
    func whatCannotHoldNeverHolds(seed: UInt64) {
        var random = RandomRules(seed: seed)
        var proved = 0
        for number in 0..<300 {
            let conditions = random.conditions()
            var logic = ConditionLogic()
            guard !logic.mayHold(conditions) else { continue }
            proved += 1
            #expect(
                !Self.subjects.contains { conditions.hold(for: $0) },
                "seed \(seed), \(number): \(conditions)")
            let clash = logic.contradiction(in: conditions.all)
            guard !clash.isEmpty else { continue }
            #expect(
                !Self.subjects.contains { subject in clash.allSatisfy { $0.holds(for: subject) } },
                "seed \(seed), \(number): \(clash)")
        }
        #expect(proved > 20)
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func whatFollowsAlwaysFollows(seed: UInt64) {
        var random = RandomRules(seed: seed &* 77)
        var (proved, held) = (0, 0)
        for number in 0..<300 {
            let narrow = random.conditions()
            let wide = random.weaker(narrow)
            var logic = ConditionLogic()
            guard logic.implies(narrow, wide) else { continue }
            proved += 1
            for subject in Self.subjects where narrow.hold(for: subject) {
                held += 1
                #expect(
                    wide.hold(for: subject),
                    "seed \(seed), \(number): \(narrow) does not imply \(wide)")
            }
        }
        #expect(proved > 60)
        #expect(held > 1000)
    }

    /// Not only sound: what most tickets show to be possible is not the only thing that is.
    @Test func whatHoldsForATicketMayHold() {
        var random = RandomRules(seed: 9)
        for _ in 0..<500 {
            let conditions = random.conditions()
            var logic = ConditionLogic()
            if Self.subjects.prefix(2000).contains(where: { conditions.hold(for: $0) }) {
                let may = logic.mayHold(conditions)
                #expect(may, "\(conditions)")
            }
        }
    }

    @Test func tooMuchToTryProvesNothing() {
        let clash = [
            Condition(field: .status, test: .equals(.number(1)), text: Self.text("status")),
            Condition(field: .status, test: .equals(.number(4)), text: Self.text("status")),
        ]
        var logic = ConditionLogic(workLimit: 3)
        let may = logic.mayHold(clash)
        #expect(may && logic.isExhausted)
        #expect(!Self.mayHold(Conditions(all: clash, any: [])))
    }

    private static func mayHold(_ conditions: Conditions) -> Bool {
        var logic = ConditionLogic()
        return logic.mayHold(conditions)
    }

    private static func text(_ field: String) -> ConditionText {
        ConditionText(field: field, test: "is", value: .none)
    }

    // MARK: Contradictions by their texts

    @Test(arguments: [
        [("status", "is", "open"), ("status", "is", "solved")],
        [("status", "is", "open"), ("status", "is_not", "open")],
        [("status", "less_than", "open"), ("status", "greater_than", "new")],
        [("priority", "is", ""), ("priority", "present", "")],
        [("priority", "greater_than", "high"), ("priority", "less_than", "urgent")],
        [("reopens", "less_than", "1"), ("reopens", "greater_than", "0")],
        [("replies", "less_than", "0")],
        [("current_tags", "includes", "vip"), ("current_tags", "not_includes", "vip gold")],
        [("current_tags", "not_present", ""), ("current_tags", "includes", "vip")],
        [("assignee_id", "is", "current_user"), ("assignee_id", "is", "")],
        [("update_type", "is", "Create"), ("update_type", "is", "Change")],
        [("update_type", "is", "Create"), ("status", "changed_from", "open")],
        [("status", "changed", ""), ("status", "not_changed", "")],
        [("status", "changed_to", "open"), ("status", "is", "pending")],
        [("status", "changed_from", "open"), ("status", "is", "open")],
        [("role", "is", "end_user"), ("role", "is", "agent")],
        [("comment_is_public", "is", "true"), ("comment_is_public", "is", "false")],
        [("subject_includes_word", "is", "ink"), ("subject_includes_word", "is_not", "in")],
        [
            ("subject_includes_word", "includes", "a"),
            ("subject_includes_word", "not_includes", "a"),
        ],
        [("custom_fields_1", "is", "a"), ("custom_fields_1", "is", "b")],
        [("custom_fields_1", "present", ""), ("custom_fields_1", "not_present", "")],
        [("custom_fields_2", "greater_than", "5"), ("custom_fields_2", "less_than", "5")],
        [("custom_fields_2", "is", "7"), ("custom_fields_2", "less_than", "5")],
        [
            ("custom_fields_3", "less_than", "2026-01-01"),
            ("custom_fields_3", "greater_than", "2026-06-01"),
        ],
        [("custom_fields_1", "value", "a"), ("custom_fields_1", "is_not", "a")],
    ])
    func conditionsThatExcludeEachOtherAreFound(texts: [(String, String, String)]) throws {
        let compiled = try Self.compile(.trigger, texts)
        #expect(!Self.mayHold(compiled))
        var logic = ConditionLogic()
        let clash = logic.contradiction(in: compiled.all)
        #expect(clash.count == texts.count)
    }

    @Test(arguments: [
        [("SOLVED", "greater_than", "96"), ("status", "is", "open")],
        [("created_at", "greater_than", "5"), ("created_at", "less_than", "4")],
        [("PENDING", "is", "5"), ("PENDING", "greater_than", "8")],
        [("OPEN", "greater_than", "1"), ("PENDING", "greater_than", "1")],
    ])
    func timesThatExcludeEachOtherAreFound(texts: [(String, String, String)]) throws {
        #expect(!Self.mayHold(try Self.compile(.automation, texts)))
    }

    @Test(arguments: [
        [("status", "less_than", "solved"), ("status", "greater_than", "new")],
        [("status", "changed_to", "open"), ("status", "changed_from", "pending")],
        [("current_tags", "includes", "a b"), ("current_tags", "not_includes", "a")],
        [("subject_includes_word", "includes", "in"), ("subject_includes_word", "is_not", "ink")],
        [("custom_fields_2", "greater_than", "5"), ("custom_fields_2", "less_than", "6")],
        [("role", "is", "agent"), ("role", "is", "admin")],
        [("priority", "is_not", "low"), ("priority", "not_present", "")],
    ])
    func conditionsThatAgreeAreNot(texts: [(String, String, String)]) throws {
        #expect(Self.mayHold(try Self.compile(.trigger, texts)))
    }

    private static func compile(
        _ kind: RuleKind, _ texts: [(String, String, String)]
    ) throws -> Conditions {
        let kinds: [Int64: FieldKind] = [1: .text, 2: .integer, 3: .date]
        return try ConditionCompiler(kind: kind, fieldKind: { kinds[$0] }).compile(
            ConditionTexts(
                all: texts.map {
                    ConditionText(
                        field: $0.0, test: $0.1, value: $0.2.isEmpty ? .none : .text($0.2))
                }))
    }

    // MARK: Findings

    private static func all(_ tests: (String, String, String)...) -> ConditionTexts {
        ConditionTexts(
            all: tests.map {
                ConditionText(field: $0.0, test: $0.1, value: $0.2.isEmpty ? .none : .text($0.2))
            })
    }

    private static func act(_ field: String, _ value: String) -> ActionText {
        ActionText(field: field, value: .text(value))
    }

    private static func mail() -> ActionText {
        ActionText(field: "notification_user", value: .list(["requester_id", "s", "b"]))
    }

    private func findings(
        _ desk: TestDesk, _ kind: RuleFinding.Kind
    ) throws -> [RuleFinding] {
        try desk.run { try $0.checkRules() }.findings.filter { $0.kind == kind }
    }

    @Test func rulesThatNeverHoldAndDeadAlternativesAreFound() throws {
        let desk = try TestDesk()
        let bad = try desk.trigger(
            "bad",
            Self.all(
                ("status", "is", "open"), ("priority", "is", "low"), ("status", "is", "solved")),
            [Self.act("priority", "high")])
        let half = try desk.trigger(
            "half",
            ConditionTexts(
                all: Self.all(("status", "is", "open")).all,
                any: Self.all(("status", "is", "new"), ("priority", "is", "low")).all),
            [Self.act("type", "task")])
        let found = try #require(try findings(desk, .contradiction).first)
        #expect(found.severity == .error)
        #expect(found.rules.map(\.id) == [bad])
        #expect(found.conditions.map(\.field) == ["status", "status"])
        let dead = try findings(desk, .deadAlternative)
        #expect(dead.map { $0.rules.map(\.id) } == [[half]])
        #expect(dead.first?.conditions.map(\.value) == [.text("new")])
    }

    @Test func noticesAtEveryUpdateAreFound() throws {
        let desk = try TestDesk()
        let noisy = try desk.trigger("noisy", Self.all(("status", "is", "open")), [Self.mail()])
        try desk.trigger(
            "new ones", Self.all(("update_type", "is", "Create")), [Self.mail()])
        try desk.trigger("changes", Self.all(("status", "changed_to", "open")), [Self.mail()])
        try desk.trigger(
            "tagged", Self.all(("current_tags", "not_includes", "told")),
            [Self.mail(), Self.act("current_tags", "told")])
        #expect(try findings(desk, .everyUpdate).map { $0.rules[0].id } == [noisy])
    }

    @Test func identicalAndUnreachableRulesAreFound() throws {
        let desk = try TestDesk()
        let first = try desk.trigger(
            "first", Self.all(("priority", "is", "low")), [Self.act("priority", "high")])
        let second = try desk.trigger(
            "second", Self.all(("priority", "is", "low"), ("status", "is", "open")),
            [Self.act("type", "task")])
        let twin = try desk.trigger(
            "twin", Self.all(("priority", "is", "low")), [Self.act("priority", "high")])
        #expect(try findings(desk, .identical).map { $0.rules.map(\.id) } == [[twin, first]])
        #expect(
            try findings(desk, .unreachable).map { $0.rules.map(\.id) }
                == [[second, first], [twin, first]])
        // Somebody gives it back.
        let back = try desk.trigger(
            "back", Self.all(("current_tags", "includes", "calm")), [Self.act("priority", "low")])
        #expect(try findings(desk, .unreachable).isEmpty)
        try desk.run { try $0.deleteRule(.trigger, back) }
        let ticket = try desk.ticket {
            $0.priority = .low
            $0.status = .open
        }
        #expect(ticket.type == nil)
    }

    @Test func loopsAndFightsAreFound() throws {
        let desk = try TestDesk()
        let up = try desk.trigger(
            "up", Self.all(("priority", "is", "low")), [Self.act("priority", "high")])
        let down = try desk.trigger(
            "down", Self.all(("priority", "is", "high")), [Self.act("priority", "low")])
        let loop = try #require(try findings(desk, .loop).first)
        #expect(loop.severity == .warning)
        #expect(Set(loop.rules.map(\.id)) == [up, down])
        let task = try desk.trigger(
            "task", Self.all(("update_type", "is", "Create")), [Self.act("type", "task")])
        let question = try desk.trigger(
            "question", Self.all(("update_type", "is", "Create"), ("status", "is", "new")),
            [Self.act("type", "question")])
        let fight = try #require(try findings(desk, .fight).first { $0.severity == .warning })
        #expect(fight.rules.map(\.id) == [task, question])
        #expect(try desk.ticket().type == .question)
    }

    @Test func webhooksThatMayComeBackAreFound() throws {
        let desk = try TestDesk()
        func call(_ title: String, _ conditions: ConditionTexts) throws -> Int64 {
            try desk.trigger(
                title, conditions,
                [ActionText(field: "notification_webhook", value: .list(["7", "{}"]))])
        }
        let open = try call("any", Self.all(("status", "changed_to", "open")))
        _ = try call("new", Self.all(("update_type", "is", "Create")))
        _ = try call(
            "mail", Self.all(("status", "changed_to", "open"), ("current_via_id", "is", "email")))
        #expect(try findings(desk, .webhookCallsBack).map { $0.rules[0].id } == [open])
    }

    @Test func automationsThatGoOnAreFound() throws {
        let desk = try TestDesk()
        func automation(_ title: String, _ conditions: ConditionTexts, _ actions: [ActionText])
            throws -> Int64
        {
            try desk.run {
                try $0.createRule(.automation, TestDesk.rule(title, conditions, actions))
            }.id
        }
        let again = try automation(
            "again", Self.all(("status", "is", "pending"), ("PENDING", "greater_than", "24")),
            [Self.mail()])
        _ = try automation(
            "solves", Self.all(("status", "is", "pending"), ("PENDING", "greater_than", "48")),
            [Self.act("status", "solved")])
        _ = try automation(
            "tags",
            Self.all(("created_at", "greater_than", "48"), ("current_tags", "not_includes", "old")),
            [Self.mail(), Self.act("current_tags", "old")])
        _ = try automation(
            "once", Self.all(("created_at", "is", "48")), [Self.mail()])
        #expect(try findings(desk, .repeats).map { $0.rules[0].id } == [again])
    }

    @Test func whatIsGoneIsFound() throws {
        let desk = try TestDesk()
        let (group, field) = (try desk.group("Level 2"), try desk.textField("Serial"))
        let agent = try desk.agent()
        let asks = try desk.trigger(
            "asks", Self.all(("custom_fields_\(field)", "is", "A-1")), [Self.act("type", "task")])
        let looks = try desk.trigger(
            "looks", Self.all(("group_id", "is", "\(group)")), [Self.act("type", "task")])
        let sets = try desk.trigger(
            "sets", Self.all(("update_type", "is", "Create")),
            [Self.act("group_id", "\(group)"), Self.act("assignee_id", "\(agent)")])
        #expect(try findings(desk, .missingReference).isEmpty)
        try desk.run { try $0.deleteField(field, of: .ticket) }
        try desk.run { try $0.deleteTeam(group) }
        _ = try desk.run { try $0.deleteUser(agent) }
        let found = try findings(desk, .missingReference)
        #expect(found.filter { $0.rules[0].id == asks }.map(\.severity) == [.error])
        #expect(found.filter { $0.rules[0].id == looks }.map(\.severity) == [.warning])
        #expect(found.filter { $0.rules[0].id == sets }.map(\.severity) == [.error, .error])
        #expect(try findings(desk, .contradiction).isEmpty)
    }

    @Test func aProposalIsCheckedAndLeavesNothing() throws {
        let desk = try TestDesk()
        let known = try desk.trigger(
            "known", Self.all(("priority", "is", "low")), [Self.act("priority", "high")])
        var change = RuleDraft()
        change.conditions = Self.all(("priority", "is", "low"), ("priority", "is", "high"))
        let items = [
            RuleProposal.Item(kind: .trigger, id: known, place: 0, draft: change),
            RuleProposal.Item(
                kind: .trigger, id: nil, place: 1,
                draft: TestDesk.rule("new", Self.all(("type", "is", "task")), [Self.mail()])),
        ]
        let hash = try desk.store.stateHash(of: TenantID(rawValue: 1))
        let rules = try desk.run { try $0.propose(RuleProposal(items: items)) }
        #expect(try desk.store.stateHash(of: TenantID(rawValue: 1)) == hash)
        #expect(rules.then.filter { $0.kind == .trigger }.map(\.id).sorted() == [-1, known])
        let report = try desk.run { try $0.checkRules(rules.then) }
        #expect(
            report.findings.filter { $0.kind == .contradiction || $0.kind == .everyUpdate }
                .map { $0.rules[0].id } == [known, -1])
        let wrong = RuleProposal.Item(
            kind: .trigger, id: nil, place: 4,
            draft: TestDesk.rule("x", Self.all(("status", "is", "shiny")), [Self.mail()]))
        let refusal = try desk.refusal { try $0.propose(RuleProposal(items: [wrong])) }
        guard case .invalid(let errors)? = refusal else {
            Issue.record("\(String(describing: refusal))")
            return
        }
        #expect(errors.map(\.field) == ["triggers[4].conditions"])
        #expect(errors[0].description.contains("shiny is not a value"))
    }
}
