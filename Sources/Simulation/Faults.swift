import Consensus
import Replication

/// What goes wrong, when, and the operator who replaces what was lost.
extension World {
    func nextFault() throws {
        guard !isHealed else { return }
        queue.insert(.fault, at: time + random.exponential(mean: profile.faultInterval) + 1_000)
        let drawn: [Profile.Fault] = [
            .kill, .powerLoss, .totalPowerLoss, .partition, .isolateLeader, .oneWay, .clog,
            .freeze, .diskStall, .wipe, .transfer, .clockStep,
        ]
        let enabled = drawn.filter(profile.allows)
        guard !enabled.isEmpty else { return }
        let fault = random.pick(enabled)
        let node = nodes[random.below(nodes.count)]
        switch fault {
        case .kill:
            try kill(node, .process, downFor: random.between(5_000, 3_000_000))
        case .powerLoss:
            try kill(node, .power, downFor: random.between(5_000, 3_000_000))
        case .totalPowerLoss:
            guard random.chance(0.2) else { return }
            for node in nodes {
                try kill(node, .power, downFor: random.between(5_000, 1_000_000))
            }
        case .partition:
            let side = nodes.map { _ in random.chance(0.5) }
            cut { side[$0] != side[$1] }
        case .isolateLeader:
            guard let leader = leaderNode else { return }
            let isComplete = random.chance(0.5)
            let friend = random.below(nodes.count)
            cut { a, b in
                let touches = a == leader.number || b == leader.number
                return touches && (isComplete || (a != friend && b != friend))
            }
        case .oneWay:
            let from = node.number
            let others = nodes.map { _ in random.chance(0.7) }
            cut { a, b in a == from && others[b] }
        case .clog:
            let from = node.number
            let delay = random.between(50_000, 1_000_000)
            var links: [(Int, Int)] = []
            for other in nodes where other.number != from && random.chance(0.6) {
                links.append((from, other.number))
                if random.chance(0.5) { links.append((other.number, from)) }
            }
            for (a, b) in links { extraDelay[a][b] += delay }
            queue.insert(
                .mend(links, extraDelay: delay), at: time + random.between(100_000, 3_000_000))
        case .freeze:
            guard node.isUp else { return }
            node.frozenUntil = time + random.between(50_000, 3_000_000)
        case .diskStall:
            node.stalledUntil = time + random.between(100_000, 3_000_000)
        case .wipe: guard try wipe(node) else { return }
        case .transfer:
            guard let leader = leaderNode, let replica = leader.replica else { return }
            let target = random.pick(replica.core.configuration.members)
            act(leader) { $0.transfer(to: target) }
        case .clockStep:
            node.clockOffset += random.between(-3_600_000, 3_600_000)
        case .membership, .checkpoint, .crashPoint, .snapshotCut, .lateRetry, .coup: return
        }
        say("fault \(fault.rawValue)")
        statistics.count(fault)
    }

    func planCoup(against node: Node<Machine>) {
        guard !isHealed, profile.allows(.coup), random.chance(0.7) else { return }
        let span = 4 * profile.messageDelay + 3 * profile.syncDelay
        queue.insert(.coup(node.number, life: node.life), at: time + random.between(0, span))
    }

    func strike(_ node: Node<Machine>, life: Int) throws {
        guard !isHealed, node.isUp, node.life == life else { return }
        statistics.count(.coup)
        say("coup against \(node.number)")
        let friend = random.below(nodes.count)
        func isolate() {
            // One friend may stay with it.
            cut { a, b in
                (a == node.number && b != friend) || (b == node.number && a != friend)
            }
        }
        switch random.below(3) {
        case 0:
            let death = random.chance(0.5) ? Death.power : .process
            try kill(node, death, downFor: random.between(5_000, 2_000_000))
        case 1: isolate()
        default:
            // Its disk stands still, one follower keeps up, then the power goes, and the follower as well.
            node.stalledUntil = time + 1_000_000
            isolate()
            queue.insert(
                .powerCut(node.number, friend: friend, life: node.life),
                at: time + random.between(1_000, 600_000))
        }
    }

    func cutPower(_ node: Node<Machine>, friend: Int, life: Int) throws {
        guard !isHealed, node.isUp, node.life == life else { return }
        node.stalledUntil = 0
        try kill(node, .power, downFor: random.between(1_000, 100_000))
        try kill(nodes[friend], .process, downFor: random.between(500_000, 3_000_000))
        mendAll(around: node)
    }

    /// Ends what keeps a node from the others, and what was to end it later.
    private func mendAll(around node: Node<Machine>) {
        for other in nodes.indices {
            cuts[node.number][other] = 0
            cuts[other][node.number] = 0
        }
    }

    var leaderNode: Node<Machine>? {
        nodes.filter { $0.isUp && $0.replica?.core.role == .leader }
            .max { ($0.replica?.core.term ?? .zero) < ($1.replica?.core.term ?? .zero) }
    }

    /// Cuts the ways for which `isCut` says so, for a while.
    private func cut(_ isCut: (Int, Int) -> Bool) {
        var links: [(Int, Int)] = []
        for a in nodes.indices {
            for b in nodes.indices where a != b && isCut(a, b) { links.append((a, b)) }
        }
        for (a, b) in links { cuts[a][b] += 1 }
        queue.insert(.mend(links, extraDelay: 0), at: time + random.between(50_000, 4_000_000))
    }

    func mend(_ links: [(Int, Int)], extraDelay delay: Int64) {
        guard !isHealed else { return }
        for (a, b) in links {
            if delay > 0 { extraDelay[a][b] -= delay } else { cuts[a][b] = max(0, cuts[a][b] - 1) }
        }
    }

    // MARK: Lost disks and other members

    /// Loses a disk, if what is left can still decide: what no number of copies could survive proves nothing.
    private func wipe(_ node: Node<Machine>) throws -> Bool {
        guard let disk = node.disk, node.isUp else { return false }
        let configuration = checker.configuration
        let isSettled =
            !configuration.isJoint && lostMembers(of: configuration).isEmpty
            && nodes.allSatisfy { other in
                guard let log = other.disk?.log else { return true }
                return !log.content.blocks.contains {
                    if case .configuration = $0.head.content {
                        return $0.head.last > checker.configurationIndex
                    }
                    return false
                }
            }
        guard isSettled, configuration.voters.count >= 3 else { return false }
        guard configuration.isMember(disk.replica) else { return false }
        try kill(node, .power, downFor: random.between(50_000, 1_000_000))
        node.disk = nil
        if bugs.contains(.reusesReplicaID) {
            try equip(node, with: disk.replica, birth: blank)
        }
        return true
    }

    /// What a replica begins with that will be told everything.
    private var blank: SnapshotHead {
        SnapshotHead(
            position: LogPosition(index: Machine.birthIndex, term: .zero),
            configuration: Configuration(voters: []))
    }

    private func lostMembers(of configuration: Configuration) -> [ReplicaID] {
        configuration.members.filter { replica in
            owners[replica].map { nodes[$0].disk?.replica != replica } ?? true
        }
    }

    /// The operator: puts a new replica where one was lost, and otherwise changes the members at random.
    func nextMembership() throws {
        let pause = isHealed ? 200_000 : random.between(200_000, 3_000_000)
        queue.insert(.membership, at: time + pause)
        try removeStrangers()
        guard let leader = leaderNode, let core = leader.replica?.core else { return }
        let now = core.configuration
        guard !now.isJoint else { return }
        let lost = lostMembers(of: now)
        var voters = now.voters
        var learners = now.learners
        if let gone = lost.first {
            if learners.contains(gone) {
                learners.removeAll { $0 == gone }
            } else if let ready = learners.first(where: { !lost.contains($0) }) {
                voters.removeAll { $0 == gone }
                voters.append(ready)
                learners.removeAll { $0 == ready }
            } else {
                guard let new = try giveBirth() else { return }
                learners.append(new)
            }
        } else {
            guard !isHealed, profile.allows(.membership) else { return }
            switch random.below(7) {
            case 0, 1:
                guard now.members.count < 6, let new = try giveBirth() else { return }
                learners.append(new)
            case 2:
                guard voters.count < 5, !learners.isEmpty else { return }
                let ready = random.pick(learners)
                voters.append(ready)
                learners.removeAll { $0 == ready }
            case 3:
                guard voters.count > min(3, profile.voters) else { return }
                let gone = random.pick(voters)
                voters.removeAll { $0 == gone }
                if random.chance(0.3) { learners.append(gone) }
            case 4:
                // Two majorities that may share nobody: what joint consensus is for.
                guard learners.count >= 2 else { return }
                voters = [random.pick(voters)] + learners
                learners = []
            case 5:
                guard !learners.isEmpty else { return }
                let ready = random.pick(learners)
                let gone = random.pick(voters)
                voters.removeAll { $0 == gone }
                voters.append(ready)
                learners.removeAll { $0 == ready }
            default:
                guard !learners.isEmpty else { return }
                let gone = random.pick(learners)
                learners.removeAll { $0 == gone }
            }
        }
        say("members wished: \(voters) and \(learners)")
        statistics.count(.membership)
        act(leader) { $0.changeMembers(voters: voters, learners: learners) }
    }

    /// A new replica, under an id that never was, on a node that holds none.
    private func giveBirth() throws -> ReplicaID? {
        let free = nodes.filter { $0.disk == nil && $0.isUp }
        guard !free.isEmpty else { return nil }
        let node = random.pick(free)
        let replica = ReplicaID(nextReplica)
        nextReplica += 1
        try equip(node, with: replica, birth: blank)
        say("\(node.number) bears \(replica)")
        try startReplica(node)
        for other in nodes where other.isUp && other.monitor.isSuspected(node.number) {
            act(other) { $0.suspect(replica) }
        }
        return replica
    }

    /// Takes replicas that are members no more off their nodes, a while later.
    private func removeStrangers() throws {
        for node in nodes where node.isUp {
            guard let disk = node.disk, !checker.configuration.isMember(disk.replica),
                time - disk.bornAt > 5_000_000, isHealed || random.chance(0.2)
            else { continue }
            say("\(node.number) drops \(disk.replica)")
            node.disk = nil
            node.replica = nil
            for id in node.attempts.keys.sorted() {
                if let attempt = node.attempts[id] {
                    answer(attempt, from: node, .failure(.outcomeUnknown))
                }
            }
            node.attempts = [:]
            node.timers = node.timers.map { $0 + 1 }
        }
    }

    // MARK: The end

    /// Ends every fault and demands progress.
    func heal() throws {
        say("heals")
        isHealed = true
        for a in nodes.indices {
            for b in nodes.indices {
                cuts[a][b] = 0
                extraDelay[a][b] = 0
            }
        }
        for node in nodes {
            node.frozenUntil = 0
            node.stalledUntil = 0
            if !node.isUp { queue.insert(.restart(node.number), at: time + 10_000) }
        }
        for client in clients where client.current == nil {
            queue.insert(.clientStarts(client.number), at: time + random.between(0, 100_000))
        }
        queue.insert(.inspect, at: time + 500_000)
    }

    func inspect() -> Bool {
        let reason = whatIsMissing()
        if reason == nil { return true }
        if time > profile.duration + healingBound {
            checker.fail("no progress after everything healed: \(reason ?? "")")
        }
        queue.insert(.inspect, at: time + 250_000)
        return false
    }

    /// What is left to be done before the world is whole; nil when it is.
    private func whatIsMissing() -> String? {
        for client in clients where client.finalOperations < 2 || client.current != nil {
            return "client \(client.number) waits for its operation \(client.sequence)"
        }
        guard let leader = leaderNode?.replica else { return "there is no leader" }
        let configuration = leader.core.configuration
        if configuration.isJoint { return "a change of members goes on" }
        if let lost = lostMembers(of: configuration).first { return "\(lost) is not replaced" }
        if leader.core.commit < leader.core.last.index {
            return "the leader has uncommitted entries"
        }
        for member in configuration.members {
            guard let owner = owners[member], let replica = nodes[owner].replica else {
                return "\(member) is down"
            }
            if replica.machine.appliedIndex < leader.core.last.index { return "\(member) lags" }
        }
        return nil
    }

    func checkEnd() {
        guard let leader = leaderNode, let machine = leader.disk?.machine else {
            checker.fail("nobody leads")
            return
        }
        do {
            for item in checker.acknowledged
            where try machine.answer(of: item.request) != item.answer {
                checker.fail("the acknowledged request \(item.request) is lost")
                return
            }
        } catch { checker.fail("\(error)") }
        for key in 0..<profile.keys {
            let entries = history.filter { $0.key == key } + openOperations(of: key)
            statistics.keysChecked += 1
            switch Linearizability.check(entries) {
            case .linearizable: break
            case .undecided: statistics.keysUndecided += 1
            case .violated: checker.fail("the history of key \(key) is not linearizable")
            }
        }
    }

    private func openOperations(of key: Int) -> [HistoryEntry] {
        clients.compactMap { client in
            guard let current = client.current, current.request.key == key else { return nil }
            return HistoryEntry(
                client: client.number, key: key, operation: current.request.operation,
                level: current.level, invoked: current.invoked, returned: nil, outcome: .unknown)
        }
    }
}
