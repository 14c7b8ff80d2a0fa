import SQLite

/// A view's conditions as SQL over the table `tickets`, as far as SQL can say them.
///
/// What it says is never narrower than the conditions: whoever uses it looks at each row once more where `isExact` is false.
struct ViewQuery {
    private(set) var condition = "tickets.deleted_at IS NULL"
    /// For `?2` onward.
    private(set) var values: [any Bindable] = []
    private(set) var isExact = true

    init(_ conditions: Conditions, for principal: Principal) {
        var terms = conditions.all.map { term($0, principal) }
        if !conditions.any.isEmpty {
            let any = conditions.any.map { term($0, principal) }
            // One that SQL cannot say may hold for any row.
            terms.append(any.contains(nil) ? nil : "(\(any.map { $0! }.joined(separator: " OR ")))")
        }
        isExact = !terms.contains(nil)
        condition = ([condition] + terms.compactMap { $0 }).joined(separator: " AND ")
    }

    private mutating func bind(_ value: any Bindable) -> String {
        values.append(value)
        return "?\(values.count + 1)"
    }

    private mutating func term(_ condition: Condition, _ principal: Principal) -> String? {
        switch condition.field {
        case .tags: return tags(condition.test)
        case .isPublic:
            guard case .flag(let flag) = condition.test else { return nil }
            return "tickets.is_public = \(flag ? 1 : 0)"
        default: break
        }
        guard let column = condition.field.column else { return nil }
        func compare(_ operand: Condition.Operand, _ isEqual: Bool) -> String? {
            let same: String
            switch operand {
            case .number(let number): same = "\(column) IS \(number)"
            case .nobody: same = "\(column) IS NULL"
            case .currentUser: same = "\(column) IS \(principal.userID)"
            case .requester: same = "\(column) IS tickets.requester_id"
            case .assignee:
                same = "(tickets.assignee_id IS NOT NULL AND \(column) IS tickets.assignee_id)"
            case .currentGroups:
                let ids = principal.groupIDs.sorted().map(String.init).joined(separator: ",")
                same = "(\(column) IS NOT NULL AND \(column) IN (\(ids)))"
            case .numbers(let numbers):
                same =
                    "(\(column) IS NOT NULL AND \(column) BETWEEN \(numbers.lowerBound) AND \(numbers.upperBound))"
            case .role, .staff: return nil
            }
            return isEqual ? same : "NOT (\(same))"
        }
        switch condition.test {
        case .equals(let operand): return compare(operand, true)
        case .differs(let operand): return compare(operand, false)
        case .isBelow(let limit): return "(\(column) IS NOT NULL AND \(column) < \(limit))"
        case .isAbove(let limit): return "(\(column) IS NOT NULL AND \(column) > \(limit))"
        case .isPresent: return "\(column) IS NOT NULL"
        case .isAbsent: return "\(column) IS NULL"
        default: return nil
        }
    }

    private mutating func tags(_ test: Condition.Test) -> String? {
        func has(_ tags: [String]) -> String {
            "("
                + tags.map { "instr(' ' || tickets.tags || ' ', \(bind(" \($0) ")))" }.joined(
                    separator: " OR ") + ")"
        }
        return switch test {
        case .includes(let tags): has(tags)
        case .excludes(let tags): "NOT \(has(tags))"
        case .isPresent: "tickets.tags <> ''"
        case .isAbsent: "tickets.tags = ''"
        default: nil
        }
    }
}

extension RuleField {
    /// The column of one number that holds it.
    fileprivate var column: String? {
        switch self {
        case .status: "tickets.status"
        case .priority: "tickets.priority"
        case .type: "tickets.type"
        case .group: "tickets.group_id"
        case .assignee: "tickets.assignee_id"
        case .requester: "tickets.requester_id"
        case .organization: "tickets.organization_id"
        case .problem: "tickets.problem_id"
        case .form: "tickets.form_id"
        case .reopens: "tickets.reopens"
        case .replies: "tickets.replies"
        case .assigneeStations: "tickets.assignee_stations"
        case .groupStations: "tickets.group_stations"
        case .channel: "tickets.channel"
        case .satisfaction: "tickets.satisfaction"
        case .satisfactionReason: "tickets.satisfaction_reason"
        default: nil
        }
    }
}
