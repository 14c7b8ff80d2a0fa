package import Wire

/// One thing that would have been otherwise under other rules.
package struct RehearsalDifference: Sendable, Equatable {
    package enum Kind: String, Sendable {
        /// A rule fires, or does not.
        case fired
        /// A field has another value, from here on.
        case field
        /// Something is sent, or is not, or says something else.
        case notice
        /// A rule cannot do what it says.
        case failed
        /// A promise of an SLA policy is broken, or is not.
        case breach
        /// An update that was made cannot be made.
        case refused
    }

    package let kind: Kind
    package let ticketID: Int64
    package let at: Timestamp
    /// The audit on record at which it happens; nil between two.
    package let auditID: Int64?
    package let rule: RuleFinding.Subject?
    /// The audited field's name; of a notice its kind, of a breach its metric.
    package let field: String?
    /// Under the rules as they are, and as they are proposed.
    package let before: RuleValue
    package let after: RuleValue
}

/// Compares what became of a ticket under two sets of rules.
struct CourseComparison {
    let recorded: RecordedTicket
    let now: TicketCourse
    let then: TicketCourse
    /// Titles of policies, by their numbers.
    let policies: [Int64: String]
    /// Audited fields that differ between two tickets.
    let forEachDifference: (Ticket, Ticket, (String, RuleValue, RuleValue) -> Void) -> Void

    func differences() -> [RehearsalDifference] {
        let nowSteps = Dictionary(now.steps.map { ($0.place, $0) }, uniquingKeysWith: { $1 })
        let thenSteps = Dictionary(then.steps.map { ($0.place, $0) }, uniquingKeysWith: { $1 })
        let places = Set(nowSteps.keys).union(thenSteps.keys).sorted()
        var found: [RehearsalDifference] = []
        var (before, after): (Ticket?, Ticket?) = (nil, nil)
        var known: [String: [RuleValue]] = [:]
        for place in places {
            let (one, other) = (nowSteps[place], thenSteps[place])
            found += firings(place, one, other)
            found += notices(place, one, other)
            found += failures(place, one, other)
            before = one?.ticket ?? before
            after = other?.ticket ?? after
            guard let before, let after else { continue }
            var differing: [String: [RuleValue]] = [:]
            forEachDifference(before, after) { field, old, new in
                differing[field] = [old, new]
                guard known[field] != [old, new] else { return }
                let source = other?.setters[field] ?? one?.setters[field]
                found.append(
                    difference(.field, place, source, field: field, before: old, after: new))
            }
            known = differing
        }
        return (found + breaches()).enumerated().sorted {
            ($0.element.at, $0.offset) < ($1.element.at, $1.offset)
        }.map(\.element)
    }

    private func breaches() -> [RehearsalDifference] {
        func difference(
            _ breach: TicketCourse.Breach, before: RuleValue, after: RuleValue
        ) -> RehearsalDifference {
            RehearsalDifference(
                kind: .breach, ticketID: recorded.present.id, at: breach.at, auditID: nil,
                rule: RuleFinding.Subject(
                    kind: .policy, id: breach.policyID, title: policies[breach.policyID] ?? ""),
                field: breach.metric, before: before, after: after)
        }
        return now.breaches.filter { !then.breaches.contains($0) }.map {
            difference($0, before: .text("breached"), after: .none)
        }
            + then.breaches.filter { !now.breaches.contains($0) }.map {
                difference($0, before: .none, after: .text("breached"))
            }
    }

    private func difference(
        _ kind: RehearsalDifference.Kind, _ place: TicketCourse.Step.Place,
        _ source: TriggerRun.Source?, field: String? = nil, before: RuleValue, after: RuleValue
    ) -> RehearsalDifference {
        RehearsalDifference(
            kind: kind, ticketID: recorded.present.id, at: place.at,
            auditID: place.isAudit ? recorded.audits[place.audit].id : nil,
            rule: source.flatMap { source in
                source.kind.map {
                    RuleFinding.Subject(kind: $0, id: source.id, title: source.title)
                }
            }, field: field, before: before, after: after)
    }

    private func firings(
        _ place: TicketCourse.Step.Place, _ one: TicketCourse.Step?, _ other: TicketCourse.Step?
    ) -> [RehearsalDifference] {
        let (old, new) = (one?.fired ?? [], other?.fired ?? [])
        func isIn(_ list: [TriggerRun.Source]) -> (TriggerRun.Source) -> Bool {
            { source in list.contains { $0.kind == source.kind && $0.id == source.id } }
        }
        let gone = old.filter { !isIn(new)($0) }
        let come = new.filter { !isIn(old)($0) }
        var found = gone.map {
            difference(.fired, place, $0, before: .text("fired"), after: .none)
        }
        found += come.map { difference(.fired, place, $0, before: .none, after: .text("fired")) }
        if let refusal = other?.refusal, one?.refusal == nil {
            found.append(
                difference(.refused, place, nil, before: .none, after: .text(refusal)))
        }
        return found
    }

    private func notices(
        _ place: TicketCourse.Step.Place, _ one: TicketCourse.Step?, _ other: TicketCourse.Step?
    ) -> [RehearsalDifference] {
        var new = other?.notices ?? []
        var gone: [(source: TriggerRun.Source, notice: Notice)] = []
        for sent in one?.notices ?? [] {
            let same = new.firstIndex {
                $0.source.id == sent.source.id && $0.notice.says(as: sent.notice)
            }
            if let same { new.remove(at: same) } else { gone.append(sent) }
        }
        var found: [RehearsalDifference] = []
        for sent in gone {
            // The same rule says something else, or to somebody else.
            let instead = new.firstIndex {
                $0.source.id == sent.source.id && $0.notice.kind == sent.notice.kind
            }
            let after = instead.map { new.remove(at: $0).notice.summary } ?? .none
            found.append(
                difference(
                    .notice, place, sent.source, field: sent.notice.kind.name,
                    before: sent.notice.summary, after: after))
        }
        return found
            + new.map {
                difference(
                    .notice, place, $0.source, field: $0.notice.kind.name, before: .none,
                    after: $0.notice.summary)
            }
    }

    private func failures(
        _ place: TicketCourse.Step.Place, _ one: TicketCourse.Step?, _ other: TicketCourse.Step?
    ) -> [RehearsalDifference] {
        let (old, new) = (one?.failures ?? [], other?.failures ?? [])
        func isIn(_ list: [TriggerRun.Failure]) -> (TriggerRun.Failure) -> Bool {
            { failure in
                list.contains { $0.source.id == failure.source.id && $0.reason == failure.reason }
            }
        }
        return old.filter { !isIn(new)($0) }.map {
            difference(.failed, place, $0.source, before: .text($0.reason), after: .none)
        }
            + new.filter { !isIn(old)($0) }.map {
                difference(.failed, place, $0.source, before: .none, after: .text($0.reason))
            }
    }
}

extension Notice {
    /// Bytes of a text in a difference.
    private static var summaryLimit: Int { 500 }

    fileprivate func says(as other: Notice) -> Bool {
        kind == other.kind && recipientIDs == other.recipientIDs && target == other.target
            && subject == other.subject && body == other.body
    }

    /// To whom, under which subject, and the text's beginning.
    fileprivate var summary: RuleValue {
        .list([
            target ?? IDList.join(recipientIDs), subject, String(body.prefix(Self.summaryLimit)),
        ])
    }
}

extension RuleValue {
    init(_ payload: EventList.Payload) {
        self =
            switch payload {
            case .none: .none
            case .text(let text): .text(text)
            case .list(let items): .list(items)
            }
    }
}

extension RehearsalDifference {
    /// A page of what was found, in its order.
    package static func page(
        of all: [RehearsalDifference], _ request: PageRequest
    ) throws -> Page<RehearsalDifference> {
        try Page.cut(Array(all.indices), request, "differences") { [0, Int64($0)] }
            .map { all[$0] }
    }
}
