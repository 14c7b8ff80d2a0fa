import ShardStore
import Wire

/// What a desk's rules made of an update.
struct TriggerRun {
    /// The name in an audit of a rule, or of a group that assigned the ticket.
    struct Source: Sendable, Equatable {
        /// Nil: a group's automatic assignment.
        let kind: RuleKind?
        let id: Int64
        let title: String
        var kindName: String { kind?.name ?? "assignment" }
    }

    /// A rule that failed, and why.
    struct Failure {
        let source: Source
        let reason: String
    }

    /// The ticket after the last of them.
    var ticket: Ticket
    /// By audited field, which rule gave it the value it has.
    var setters: [String: Source] = [:]
    var notices: [(notice: Notice, source: Source)] = []
    var failures: [Failure] = []

    init(ticket: Ticket) { self.ticket = ticket }
}

extension Desk where Rows == WritableRows {
    /// Runs the desk's triggers on an update that is about to be written.
    ///
    /// Triggers are looked at in order. One whose conditions hold fires: it acts, later ones see the ticket as it is then, and when it has
    /// changed the ticket all are looked at again from the first. A trigger fires at most once for an update. So n triggers end after at most n
    /// firings and n × (n + 1) looks, whatever they say.
    ///
    /// - Parameters:
    ///   - old: the ticket before the update; nil when it is new.
    ///   - run: with the ticket as who updates it leaves it.
    func runTriggers(
        _ triggers: [CompiledRule], from old: Ticket?, _ run: inout TriggerRun,
        comment: RuleSubject.Comment?
    ) throws {
        // Also of what an automation has offered.
        defer { run.settleSurveys(from: old) }
        guard !triggers.isEmpty else { return }
        var subject = RuleSubject(
            run.ticket, before: old, comment: comment, updater: principal, channel: via.channel,
            now: now)
        if triggers.contains(where: \.conditions.isOfTime) {
            subject.calendar = try rows.calendars().calendar(of: run.ticket)
        }
        var hasFired = [Bool](repeating: false, count: triggers.count)
        var place = 0
        while place < triggers.count {
            let trigger = triggers[place]
            defer { place += 1 }
            guard !hasFired[place] else { continue }
            tracer?.look(at: trigger, subject)
            guard trigger.conditions.hold(for: subject) else { continue }
            hasFired[place] = true
            let source = TriggerRun.Source(kind: .trigger, id: trigger.id, title: trigger.title)
            try fire(trigger.actions, source, comment, &run)
            if run.ticket != subject.ticket {
                subject.ticket = run.ticket
                subject.changed = ChangedFields(
                    from: old, to: run.ticket, hasComment: comment != nil)
                place = -1
            }
        }
    }

    /// Does what a rule says, all of it or nothing.
    func fire(
        _ actions: [RuleAction], _ source: TriggerRun.Source, _ comment: RuleSubject.Comment?,
        _ run: inout TriggerRun
    ) throws {
        let before = run.ticket
        var ticket = before
        var notices: [Notice] = []
        do {
            for action in actions {
                try perform(action, source, on: &ticket, comment, &notices)
            }
        } catch let refusal as DeskRefusal {
            run.failures.append(TriggerRun.Failure(source: source, reason: refusal.words))
            return
        }
        run.notices += notices.map { ($0, source) }
        run.ticket = ticket
        guard ticket != before else { return }
        for field in auditedDifferences(from: before, to: ticket) { run.setters[field] = source }
    }

    /// Counts failures, and switches off what fails again and again.
    func note(_ failures: [TriggerRun.Failure]) throws {
        var isStamped = false
        for failure in failures {
            guard let kind = failure.source.kind else { continue }
            try rows.run(
                """
                UPDATE rules SET failures = failures + 1, failure = ?4,
                active = CASE WHEN failures + 1 >= ?5 THEN 0 ELSE active END
                WHERE tenant = ?1 AND kind = ?2 AND id = ?3
                """, kind.rawValue, failure.source.id,
                String(failure.reason.prefix(500)), Rule.failureLimit)
            let isActive = try rows.rule(kind, failure.source.id)?.isActive
            if isActive == false { isStamped = true }
        }
        if isStamped { try rows.restampRules() }
    }
}

extension DeskRefusal {
    /// One sentence.
    var words: String {
        switch self {
        case .invalid(let errors): errors.map(\.description).joined(separator: "; ")
        case .forbidden(let text), .conflict(let text), .limitReached(let text),
            .beyondSearchLimit(let text), .badRequest(_, let text), .tooOften(_, let text),
            .notReady(_, let text):
            text
        case .notFound: "a record it names does not exist"
        case .tooMany(let what, let limit): "at most \(limit) \(what)"
        default: "it is not allowed"
        }
    }
}
