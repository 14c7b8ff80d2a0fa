import Synchronization
import Wire

/// What was made last of the definitions of all desks of the process: rules and fields, compiled.
///
/// What it gives follows from its arguments alone, so nobody can tell it from reading the rows again, but by the time it takes: a digest is
/// of everything that was ever said of a desk's definitions, and counts for its own tenant only.
final class DefinitionCache<Value: Sendable>: Sendable {
    private struct Key: Hashable {
        let tenant: TenantID
        let digest: Int64
    }
    private struct Entry {
        let value: Value
        let weight: Int
        var usedAt: UInt64
    }
    private struct State {
        var entries: [Key: Entry] = [:]
        var weight = 0
        var uses: UInt64 = 0
    }

    private let weightLimit: Int
    private let state = Mutex(State())

    init(weightLimit: Int) { self.weightLimit = weightLimit }

    func find(_ tenant: TenantID, _ digest: Int64) -> Value? {
        let key = Key(tenant: tenant, digest: digest)
        return state.withLock { state in
            state.uses += 1
            state.entries[key]?.usedAt = state.uses
            return state.entries[key]?.value
        }
    }

    /// Forgets the half that was not used for longest when there is too much.
    /// - Parameter weight: what the value takes, at least 1.
    func keep(_ value: Value, _ tenant: TenantID, _ digest: Int64, weight: Int) {
        let newest = Key(tenant: tenant, digest: digest)
        state.withLock { state in
            guard state.entries[newest] == nil else { return }
            state.uses += 1
            state.entries[newest] = Entry(value: value, weight: weight, usedAt: state.uses)
            state.weight += weight
            guard state.weight > weightLimit else { return }
            for (key, entry) in state.entries.sorted(by: { $0.value.usedAt < $1.value.usedAt })
            where state.weight > weightLimit / 2 && key != newest {
                state.entries[key] = nil
                state.weight -= entry.weight
            }
        }
    }

    var count: Int { state.withLock { $0.entries.count } }
}
