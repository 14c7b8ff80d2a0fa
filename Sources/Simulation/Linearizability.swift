/// Whether a history of one key could have come from one integer that changes at single moments.
///
/// The search of Wing and Gong (1993) with Lowe's memory of (what is done, state) pairs (2017), each key for itself, which is
/// enough (Horn and Kroening, 2015). `Tests/Histories` holds another one by another author in another language.
package enum Linearizability {
    package enum Verdict: Equatable, Sendable {
        case linearizable
        case violated
        /// The search was given up.
        case undecided
    }

    private struct Memo: Hashable {
        let done: [UInt64]
        let value: Int
    }

    /// - Parameter limit: how many steps the search may take.
    package static func check(_ entries: [HistoryEntry], limit: Int = 300_000) -> Verdict {
        let operations = entries.filter {
            $0.outcome != .refused && $0.level == .linearizable
                && !($0.outcome == .unknown && $0.operation == .read)
        }
        guard !operations.isEmpty else { return .linearizable }
        // Moments in order; at the same moment calls come before returns, since that only allows more.
        var moments: [(time: Int64, isReturn: Bool, operation: Int)] = []
        for (number, operation) in operations.enumerated() {
            moments.append((operation.invoked, false, number))
            if operation.outcome != .unknown, let returned = operation.returned {
                moments.append((returned, true, number))
            }
        }
        moments.sort {
            ($0.time, $0.isReturn ? 1 : 0, $0.operation)
                < ($1.time, $1.isReturn ? 1 : 0, $1.operation)
        }
        let mustDo = operations.count { $0.outcome != .unknown }

        // A doubly linked list of the moments that are left; 0 is its head.
        var next = Array(1...moments.count) + [0]
        var previous = [moments.count] + Array(0..<moments.count)
        next[moments.count] = 0
        var callPlace = [Int](repeating: 0, count: operations.count)
        var returnPlace = [Int](repeating: 0, count: operations.count)
        for (place, moment) in moments.enumerated() {
            if moment.isReturn {
                returnPlace[moment.operation] = place + 1
            } else {
                callPlace[moment.operation] = place + 1
            }
        }
        func unlink(_ place: Int) {
            next[previous[place]] = next[place]
            previous[next[place]] = previous[place]
        }
        func relink(_ place: Int) {
            next[previous[place]] = place
            previous[next[place]] = place
        }

        var done = [UInt64](repeating: 0, count: (operations.count + 63) / 64)
        var value = 0
        var doneCount = 0
        // What is known is tried before what may never have happened: an unknown operation is a candidate for ever after, and to
        // begin with those would try every order of them.
        var triesUnknown = false
        var stack: [(operation: Int, value: Int, wasUnknown: Bool)] = []
        var seen: Set<Memo> = []
        var steps = 0
        var place = next[0]
        while true {
            if doneCount == mustDo { return .linearizable }
            steps += 1
            if steps > limit { return .undecided }
            var isAtEnd = place == 0
            if !isAtEnd {
                let moment = moments[place - 1]
                let number = moment.operation
                if moment.isReturn {
                    isAtEnd = true
                } else {
                    let operation = operations[number]
                    let (newValue, answer) = operation.operation.applied(to: value)
                    let isUnknown = operation.outcome == .unknown
                    let fits =
                        isUnknown == triesUnknown
                        && (isUnknown || operation.outcome == .ok(answer))
                    if fits {
                        var then = done
                        then[number / 64] |= 1 << UInt64(number % 64)
                        let memo = Memo(done: then, value: newValue ?? value)
                        if seen.insert(memo).inserted {
                            stack.append((number, value, triesUnknown))
                            triesUnknown = false
                            done = then
                            value = newValue ?? value
                            if operation.outcome != .unknown { doneCount += 1 }
                            unlink(callPlace[number])
                            if returnPlace[number] != 0 { unlink(returnPlace[number]) }
                            place = next[0]
                            continue
                        }
                    }
                    place = next[place]
                    continue
                }
            }
            if isAtEnd {
                if !triesUnknown {
                    triesUnknown = true
                    place = next[0]
                    continue
                }
                guard let last = stack.popLast() else { return .violated }
                done[last.operation / 64] &= ~(1 << UInt64(last.operation % 64))
                if operations[last.operation].outcome != .unknown { doneCount -= 1 }
                value = last.value
                triesUnknown = last.wasUnknown
                if returnPlace[last.operation] != 0 { relink(returnPlace[last.operation]) }
                relink(callPlace[last.operation])
                place = next[callPlace[last.operation]]
            }
        }
    }
}
