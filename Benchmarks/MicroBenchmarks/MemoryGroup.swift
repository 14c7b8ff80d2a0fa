import Consensus

/// Replicas that reach each other and their disks at once.
package struct MemoryGroup {
    private var replicas: [Raft] = []
    private var timers: [Set<Consensus.Timer>]
    private var network: [Message] = []
    private var effects: [Effect] = []
    private var persisting: [(replica: Int, sequence: UInt64)] = []
    package var steps = 0

    package init(voters: Int) {
        let ids = (1...voters).map { ReplicaID(UInt64($0)) }
        let birth = SnapshotHead(position: .zero, configuration: Configuration(voters: ids))
        replicas = ids.map {
            Raft(
                id: $0, hardState: HardState(term: .zero, vote: nil), snapshot: birth,
                applied: .zero)
        }
        timers = replicas.map { _ in [] }
    }

    package var runningTimers: Int { timers.reduce(0) { $0 + $1.count } }
    /// How many entries the first replica knows to be committed.
    package var committed: UInt64 { replicas[0].commit.rawValue }
    /// Whether everything proposed is committed.
    package var isCommitted: Bool { replicas[0].commit == replicas[0].last.index }

    package mutating func elect() {
        for place in replicas.indices { step(place, .started) }
        step(0, .timerFired(.election))
        settle()
        while let timer = timers[0].first {
            timers[0].remove(timer)
            step(0, .timerFired(timer))
            settle()
        }
    }

    package mutating func propose(bytes: Int) { step(0, .propose(entries: 1, bytes: bytes)) }

    package mutating func compact() {
        for place in replicas.indices { step(place, .compact(through: replicas[place].ready)) }
    }

    /// Delivers what is under way until nothing is.
    package mutating func settle() {
        while !network.isEmpty || !persisting.isEmpty {
            let messages = network
            network.removeAll(keepingCapacity: true)
            for message in messages {
                step(Int(message.to.rawValue) - 1, .received(message))
            }
            let writes = persisting
            persisting.removeAll(keepingCapacity: true)
            for write in writes { step(write.replica, .persisted(sequence: write.sequence)) }
        }
    }

    private mutating func step(_ place: Int, _ event: Event) {
        steps += 1
        effects.removeAll(keepingCapacity: true)
        replicas[place].step(event, &effects)
        for effect in effects {
            switch effect {
            case .send(let message): network.append(message)
            case .write(let write): persisting.append((place, write.sequence))
            case .setTimer(let timer): timers[place].insert(timer)
            case .cancelTimer(let timer): timers[place].remove(timer)
            default: break
            }
        }
    }
}
