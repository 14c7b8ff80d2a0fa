import ServiceDesk
import Wire

extension JSONWriter {
    mutating func rehearsal(_ rehearsal: RehearsalState, _ call: APICall) {
        object { json in
            json.member("id", rehearsal.id)
            json.member("url", call.url("/api/v2/lodge/rehearsals/\(rehearsal.id).json"))
            json.member("status", rehearsal.status.rawValue)
            json.member("message", rehearsal.message)
            json.member("days", rehearsal.days)
            json.member("user_id", rehearsal.actorID)
            json.member("total", rehearsal.counts.tickets - rehearsal.counts.leftOut)
            json.member("progress", rehearsal.counts.done)
            json.member("left_out", rehearsal.counts.leftOut)
            json.member("audits", rehearsal.counts.audits)
            json.member("taken_from_record", rehearsal.counts.facts)
            json.member("replay_mismatches", rehearsal.counts.mismatches)
            json.member("differences", rehearsal.differenceCount)
            json.member("differences_kept", rehearsal.differences.count)
            json.member("created_at", rehearsal.createdAt)
            json.member("updated_at", rehearsal.updatedAt)
        }
    }

    mutating func difference(_ difference: RehearsalDifference) {
        object { json in
            json.member("kind", difference.kind.rawValue)
            json.member("ticket_id", difference.ticketID)
            json.member("at", difference.at)
            json.member("audit_id", difference.auditID)
            json.key("rule")
            if let rule = difference.rule { json.ruleSubject(rule) } else { json.null() }
            json.member("field", difference.field)
            json.ruleValue("before", difference.before)
            json.ruleValue("after", difference.after)
        }
    }

    /// A rule that is only proposed has no number, but its place among those that are new.
    mutating func ruleSubject(_ rule: RuleFinding.Subject) {
        object { json in
            json.member("kind", rule.kind.name)
            json.member("id", rule.id < 0 ? nil : rule.id)
            json.member("proposed", rule.id < 0 ? -rule.id : nil)
            json.member("title", rule.title)
        }
    }

    private mutating func ruleValue(_ name: StaticString, _ value: RuleValue) {
        switch value {
        case .none: null(name)
        case .text(let text): member(name, text)
        case .list(let items): array(name, items)
        }
    }

    /// Members of an object.
    mutating func ruleReport(_ report: RuleReport) {
        array("findings") { json in
            for finding in report.findings {
                json.object { json in
                    json.member("severity", finding.severity.name)
                    json.member("kind", finding.kind.rawValue)
                    json.array("rules") { json in
                        for rule in finding.rules { json.ruleSubject(rule) }
                    }
                    json.array("conditions") { json in
                        for condition in finding.conditions where !condition.field.isEmpty {
                            json.condition(condition)
                        }
                    }
                    json.member("text", finding.text)
                }
            }
        }
        member("rules_checked", report.ruleCount)
        member("complete", report.isComplete)
    }

    mutating func auditTrace(_ trace: AuditTrace) {
        object { json in
            json.member("audit_id", trace.audit.id)
            json.member("author_id", trace.audit.authorID)
            json.member("created_at", trace.audit.createdAt)
            json.array("rules") { json in
                for act in trace.acts {
                    json.object { json in
                        json.member("kind", act.kind.name)
                        json.member("id", act.ruleID)
                        json.member("title", act.title)
                        json.array("fields", act.fields)
                        json.member("notices", act.notices)
                        json.array("failures", act.failures)
                    }
                }
            }
            guard let looks = trace.looks else { return }
            json.array("triggers") { json in
                for look in looks {
                    json.object { json in
                        json.member("id", look.ruleID)
                        json.member("title", look.title)
                        json.member("acted", look.acted)
                        json.member("held_at_first", look.heldAtFirst)
                        json.member("held_at_last", look.heldAtLast)
                        json.key("held_back_by")
                        if let condition = look.heldBackBy {
                            json.condition(condition)
                        } else {
                            json.null()
                        }
                        json.member(
                            "list", look.heldBackBy == nil ? nil : look.isAny ? "any" : "all")
                    }
                }
            }
        }
    }
}
