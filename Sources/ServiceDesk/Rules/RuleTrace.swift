import ShardStore
import Wire

/// Why each of a desk's triggers fired at an update, or did not.
package struct RuleTrace: Sendable {
    /// One trigger as it was looked at last.
    package struct Step: Sendable, Equatable {
        package let ruleID: Int64
        package let title: String
        /// Its place among those that fired, from 1; nil when it did not.
        package var firedAs: Int?
        /// How often it was looked at: again after every change that another rule made.
        package var looks: Int
        /// What kept it from firing at its last look: a condition under `all`, or, with `any`, that none of them held.
        package var heldBackBy: ConditionText?
        package var isAny = false
    }

    /// In the rules' order.
    package fileprivate(set) var steps: [Step] = []
    /// The ticket as the update leaves it, and its events.
    package fileprivate(set) var ticket: Ticket?
    package fileprivate(set) var audit: Audit?
}

/// Gathers a trace while triggers run.
final class RuleTracer {
    private(set) var trace = RuleTrace()
    private var places: [Int64: Int] = [:]
    private var firings = 0

    func look(at rule: CompiledRule, _ subject: RuleSubject) {
        let place = places[rule.id] ?? trace.steps.count
        if place == trace.steps.count {
            places[rule.id] = place
            trace.steps.append(RuleTrace.Step(ruleID: rule.id, title: rule.title, looks: 0))
        }
        trace.steps[place].looks += 1
        trace.steps[place].heldBackBy = nil
        trace.steps[place].isAny = false
        if let failed = rule.conditions.all.first(where: { !$0.holds(for: subject) }) {
            trace.steps[place].heldBackBy = failed.text
        } else if let first = rule.conditions.any.first,
            !rule.conditions.any.contains(where: { $0.holds(for: subject) })
        {
            trace.steps[place].heldBackBy = first.text
            trace.steps[place].isAny = true
        } else {
            firings += 1
            trace.steps[place].firedAs = firings
        }
    }
}

/// Carries a result out of a transaction that must leave nothing behind.
private struct Undone: Error {
    let trace: RuleTrace
}

extension Desk where Rows == WritableRows {
    /// What an update would do, and why each trigger would fire or not. Nothing of it stays.
    package func rehearseUpdate(of id: Int64, _ changes: TicketChanges) throws -> RuleTrace {
        try rehearse { try $0.updateTicket(id, changes) }
    }

    /// The same of a new ticket.
    package func rehearseCreation(_ changes: TicketChanges) throws -> RuleTrace {
        try rehearse { try $0.createTicket(changes) }
    }

    private func rehearse(_ body: (Self) throws -> TicketWrite) throws -> RuleTrace {
        var traced = self
        let tracer = RuleTracer()
        traced.tracer = tracer
        do {
            return try rows.savepoint {
                let write = try body(traced)
                var trace = tracer.trace
                trace.ticket = write.ticket
                trace.audit = write.audit
                throw Undone(trace: trace)
            }
        } catch let undone as Undone { return undone.trace }
    }
}
