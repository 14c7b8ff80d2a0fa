import ShardStore
import Synchronization
import Wire

/// A rule with its conditions and actions compiled.
struct CompiledRule: Sendable {
    let id: Int64
    let title: String
    let conditions: Conditions
    let actions: [RuleAction]
    /// Whose view it is, and how far its tickets are counted.
    let restriction: RuleRestriction
    let countedThrough: Int64
}

/// A desk's active rules, compiled once for each state of them.
struct RuleBook: Sendable {
    let triggers: [CompiledRule]
    let automations: [CompiledRule]
    let views: [CompiledRule]

    static let empty = RuleBook(triggers: [], automations: [], views: [])

    /// What it takes in the cache.
    var weight: Int { triggers.count + automations.count + views.count }
}

/// The rule books of the tenants whose tickets change most.
///
/// A stamp is made of everything that was ever said of a desk's rules, so two states of rules with one stamp are the same, in whatever
/// process and whichever cluster: a book that is found is never of another time.
final class RuleBooks: Sendable {
    static let shared = RuleBooks(weightLimit: 50_000)

    private struct State {
        var books: [Int64: (book: RuleBook, usedAt: UInt64)] = [:]
        var weight = 0
        var clock: UInt64 = 0
    }

    private let state = Mutex(State())
    private let weightLimit: Int

    init(weightLimit: Int) { self.weightLimit = weightLimit }

    func book(_ key: Int64, _ make: () throws -> RuleBook) rethrows -> RuleBook {
        let known = state.withLock { state in
            state.clock += 1
            state.books[key]?.usedAt = state.clock
            return state.books[key]?.book
        }
        if let known { return known }
        let book = try make()
        state.withLock { state in
            guard state.books[key] == nil else { return }
            state.books[key] = (book, state.clock)
            // An empty book takes room, too.
            state.weight += book.weight + 1
            while state.weight > weightLimit, state.books.count > 1,
                let oldest = state.books.min(by: { $0.value.usedAt < $1.value.usedAt })
            {
                state.books[oldest.key] = nil
                state.weight -= oldest.value.book.weight + 1
            }
        }
        return book
    }
}

extension ShardReader {
    /// The desk's active rules. A desk that never had any pays one look at a counter.
    func ruleBook() throws -> RuleBook {
        let stamp = try count(.ruleStamp)
        guard stamp != 0 else { return .empty }
        // Conditions and actions are compiled for the fields that there are.
        var key = Fingerprint()
        key.add(stamp)
        key.add(try count(.definitions))
        return try RuleBooks.shared.book(key.value) { try compileRules() }
    }

    /// A rule that names what is not there any more is kept: its condition does not hold, its action fails and is counted.
    private func compileRules() throws -> RuleBook {
        func compiled(_ kind: RuleKind) throws -> [CompiledRule] {
            let conditions = ConditionCompiler(kind: kind, fieldKind: { try self.fieldKind($0) })
            let actions = ActionCompiler(kind: kind, fieldKind: { try self.fieldKind($0) })
            return try rules(kind).filter(\.isActive).compactMap { rule in
                do {
                    return CompiledRule(
                        id: rule.id, title: rule.title,
                        conditions: try conditions.compile(rule.conditions),
                        actions: kind == .view ? [] : try actions.compile(rule.actions),
                        restriction: rule.restriction, countedThrough: rule.countedThrough)
                } catch is DeskRefusal { return nil }
            }
        }
        return RuleBook(
            triggers: try compiled(.trigger), automations: try compiled(.automation),
            views: try compiled(.view))
    }
}

extension ShardTransaction {
    /// Whatever was said of rules, or of the fields they name, has changed: books made before are not used again.
    func restampRules() throws {
        var hash = Fingerprint()
        let old = try count(.ruleStamp)
        hash.add(old)
        hash.add(now.milliseconds)
        hash.add(makeIdentifier())
        for kind in RuleKind.allCases {
            for rule in try rules(kind) {
                hash.add(rule.id)
                hash.add(rule.isActive ? 1 : 0)
                hash.add(rule.position)
                hash.add(rule.title)
                hash.add(RuleText.encode(rule.conditions))
                hash.add(RuleText.encode(rule.actions))
                hash.add(rule.restriction.text)
                hash.add(rule.countedThrough)
            }
        }
        try add(hash.value &- old, to: .ruleStamp)
    }
}

/// A 63-bit FNV-1a hash: tells states apart, keeps no secrets.
struct Fingerprint {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ number: Int64) {
        var rest = UInt64(bitPattern: number)
        for _ in 0..<8 {
            add(byte: UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    mutating func add(_ text: String) {
        add(Int64(text.utf8.count))
        for byte in text.utf8 { add(byte: byte) }
    }

    private mutating func add(byte: UInt8) {
        state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }

    /// Never 0.
    var value: Int64 { Int64(state >> 1 | 1) }
}
