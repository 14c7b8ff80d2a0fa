import Consensus
import Replication

/// The clients: what they ask, what they make of answers, and what they write into the history.
extension World {
    /// While an old leader does not know of the new one, mistakes about reads and answers can show: the clients make use of it.
    func planNudges() {
        guard !isHealed, leadingNodes.count > 1 else { return }
        for client in clients {
            queue.insert(.clientNudged(client.number), at: time + random.between(500, 40_000))
        }
    }

    func nudge(_ number: Int) {
        guard !isHealed, clients[number].current == nil else { return }
        startOperation(number)
        clients[number].current?.isExtra = true
    }

    var leadingNodes: [Node<Machine>] {
        nodes.filter { $0.isUp && $0.replica?.core.role == .leader }
    }

    func startOperation(_ number: Int) {
        guard clients[number].current == nil else { return }
        if isHealed {
            // The last word of each client: one write and one read must succeed.
            guard clients[number].finalOperations < 2 else { return }
            clients[number].finalOperations += 1
        } else if time >= profile.duration {
            return
        }
        clients[number].sequence += 1
        let isContested = leadingNodes.count > 1
        let key = isContested && random.chance(0.7) ? 0 : random.below(profile.keys)
        var level = HistoryEntry.Level.linearizable
        let operation: Operation
        let isRead = isHealed ? clients[number].finalOperations == 2 : random.chance(0.45)
        if isRead {
            operation = .read
            if !isHealed, random.chance(0.4) { level = random.chance(0.5) ? .session : .stale }
        } else {
            valuesWritten += 1
            switch random.below(3) {
            case 0: operation = .write(valuesWritten)
            case 1: operation = .add(1_000_000 + valuesWritten)
            default:
                operation = .compareAndSet(
                    expected: lastSeen(key), new: valuesWritten)
            }
        }
        let client = clients[number]
        clients[number].current = Client.Current(
            request: SimulatedRequest(
                client: number + 1, sequence: client.sequence, key: key, operation: operation),
            level: level, invoked: time, token: client.token)
        attempt(
            number, at: firstNode(for: client, isAnywhereGood: isRead && level != .linearizable))
    }

    private func firstNode(for client: Client, isAnywhereGood: Bool) -> Int? {
        if isAnywhereGood { return nil }
        // A client that has not heard of the last election finds whoever still takes itself for the leader.
        let leading = leadingNodes
        if leading.count > 1, random.chance(0.5) { return random.pick(leading).number }
        return client.believedLeader
    }

    /// A value that a comparison has a chance to meet: what this key had in some replica a moment ago.
    private func lastSeen(_ key: Int) -> Int {
        let node = nodes[random.below(nodes.count)]
        return (try? node.disk?.machine.value(of: key)) ?? 0
    }

    func attempt(_ number: Int, at node: Int?) {
        guard var current = clients[number].current else { return }
        current.attempts += 1
        clients[number].current = current
        let target = node ?? random.below(nodes.count)
        let attempt = Attempt(
            client: number, sequence: current.request.sequence, request: current.request,
            level: current.level, token: current.level == .session ? current.token : .zero)
        transmit(.request(attempt, to: target), from: nil, to: target)
        queue.insert(
            .timeout(client: number, sequence: current.request.sequence, attempt: current.attempts),
            at: time + profile.requestTimeout)
    }

    func arrives(_ attempt: Attempt, at node: Node<Machine>) throws {
        guard node.isUp, let replica = node.replica, let disk = node.disk else {
            if node.isUp { answer(attempt, from: node, .failure(.notLeader(leader: nil))) }
            return
        }
        nextNumber += 1
        if attempt.request.operation != .read {
            node.attempts[nextNumber] = attempt
            let id = RequestID(nextNumber)
            act(node) { $0.submit(id, attempt.request) }
        } else if attempt.level == .linearizable {
            node.attempts[nextNumber] = attempt
            if ask(for: nextNumber, node, replica) || askTerm(for: nextNumber, node, replica) {
                return
            }
            let id = ReadID(nextNumber)
            act(node) { $0.read(id) }
        } else {
            let applied = replica.machine.appliedIndex
            guard applied >= attempt.token else {
                answer(attempt, from: node, .failure(.busy))
                return
            }
            let value = try disk.machine.value(of: attempt.request.key)
            checker.read(
                key: attempt.request.key, value: value, at: applied, noEarlierThan: attempt.token)
            answer(attempt, from: node, .success(Done(answer: value, index: applied)))
        }
    }

    // MARK: Reads that followers answer

    /// A follower asks the leader it believes in, most of the time.
    private func ask(for number: UInt64, _ node: Node<Machine>, _ replica: Replica<Machine>) -> Bool
    {
        let core = replica.core
        guard core.role != .leader, let leader = core.leader, let to = owners[leader],
            to != node.number, random.chance(0.7)
        else { return false }
        let question = ReadQuestion(
            number: number, asker: node.number, replica: core.id, term: core.term)
        transmit(.readAsked(question, to: to), from: node.number, to: to)
        return true
    }

    func asked(_ question: ReadQuestion, _ node: Node<Machine>) {
        guard node.isUp, let replica = node.replica else { return }
        switch replica.core.readGrant(to: question.replica, askedIn: question.term) {
        case .refused: grant(.zero, question, node)
        case .at(let index):
            act(node) { $0.timerFired(.notify) }
            grant(index, question, node)
        case .needsRound:
            nextNumber += 1
            let id = ReadID(nextNumber)
            node.questions[nextNumber] = question
            act(node) { $0.read(id) }
        }
    }

    func grant(_ index: LogIndex, _ question: ReadQuestion, _ node: Node<Machine>) {
        transmit(
            .readGranted(number: question.number, index, to: question.asker), from: node.number,
            to: question.asker)
    }

    func granted(_ number: UInt64, _ index: LogIndex, _ node: Node<Machine>) {
        guard node.isUp, let replica = node.replica, let attempt = node.attempts[number] else {
            return
        }
        guard index > .zero else {
            node.attempts[number] = nil
            answer(attempt, from: node, .failure(.notLeader(leader: replica.core.leader)))
            return
        }
        node.granted.append((number, index))
        answerGranted(at: node, replica)
    }

    func answerGranted(at node: Node<Machine>, _ replica: Replica<Machine>) {
        guard !node.granted.isEmpty else { return }
        let applied = replica.machine.appliedIndex
        for (number, index) in node.granted where index <= applied {
            guard let attempt = node.attempts.removeValue(forKey: number) else { continue }
            statistics.grantedReads += 1
            readable(attempt, at: node, replica, .success(index))
        }
        node.granted.removeAll { $0.index <= applied }
    }

    // MARK: Reads that leaders answer by one voter's word

    /// A leader asks one of those who can vouch for it, half of the time.
    private func askTerm(
        for number: UInt64, _ node: Node<Machine>, _ replica: Replica<Machine>
    ) -> Bool {
        let standing = replica.core.standing
        let witnesses = standing.witnesses
        guard !witnesses.isEmpty, random.chance(0.5) else { return false }
        let witness = random.pick(witnesses)
        guard let to = owners[witness], to != node.number else { return false }
        node.unvouched[number] = standing.commit
        let question = TermQuestion(
            number: number, asker: node.number, witness: witness, term: standing.term)
        transmit(.termAsked(question, to: to), from: node.number, to: to)
        return true
    }

    func asked(_ question: TermQuestion, _ node: Node<Machine>) {
        guard node.isUp, let replica = node.replica else { return }
        let isSo =
            replica.core.id == question.witness && replica.core.confirms(question.term)
        transmit(
            .termTold(number: question.number, isSo, to: question.asker), from: node.number,
            to: question.asker)
    }

    func told(_ number: UInt64, _ isSo: Bool, _ node: Node<Machine>) {
        guard node.isUp, let replica = node.replica,
            let index = node.unvouched.removeValue(forKey: number),
            let attempt = node.attempts[number]
        else { return }
        guard isSo else {
            node.attempts[number] = nil
            answer(attempt, from: node, .failure(.notLeader(leader: replica.core.leader)))
            return
        }
        statistics.vouchedReads += 1
        node.granted.append((number, index))
        answerGranted(at: node, replica)
    }

    func readable(
        _ attempt: Attempt, at node: Node<Machine>, _ replica: Replica<Machine>,
        _ result: Result<LogIndex, ReadRefusal>
    ) {
        switch result {
        case .success:
            do {
                let value = try replica.machine.value(of: attempt.request.key)
                let applied = replica.machine.appliedIndex
                checker.read(
                    key: attempt.request.key, value: value, at: applied, noEarlierThan: .zero)
                answer(attempt, from: node, .success(Done(answer: value, index: applied)))
            } catch { checker.fail("\(error)") }
        case .failure(let refusal):
            var hint: ReplicaID?
            if case .notLeader(let leader) = refusal { hint = leader }
            answer(attempt, from: node, .failure(.notLeader(leader: hint)))
        }
    }

    func answer(
        _ attempt: Attempt, from node: Node<Machine>, _ result: Result<Done<Int>, RequestRefusal>
    ) {
        let told: AttemptResult
        switch result {
        case .success(let done):
            told = .done(done.answer, index: done.index)
            if attempt.request.operation != .read {
                checker.acknowledges(
                    request: attempt.request.idempotencyKey, answer: done.answer, at: done.index)
            }
        case .failure(.notLeader(let leader)): told = .refused(hint: leader.flatMap { owners[$0] })
        case .failure(.busy), .failure(.full), .failure(.tooLong):
            told = .refused(hint: node.number)
        case .failure(.outcomeUnknown): told = .unknown
        }
        transmit(
            .answer(told, client: attempt.client, sequence: attempt.sequence), from: nil, to: nil)
    }

    func answered(_ number: Int, _ sequence: Int, _ result: AttemptResult) {
        guard let current = clients[number].current, current.request.sequence == sequence else {
            return
        }
        switch result {
        case .done(let answer, let index):
            clients[number].token = max(clients[number].token, index)
            finish(number, .ok(answer))
        case .refused(let hint): tryAgain(number, hint: hint)
        case .unknown:
            clients[number].current?.mayHaveHappened = true
            tryAgain(number, hint: nil)
        }
    }

    func timedOut(_ number: Int, _ sequence: Int, attempt: Int) {
        guard let current = clients[number].current, current.request.sequence == sequence,
            current.attempts == attempt
        else { return }
        clients[number].current?.mayHaveHappened = true
        tryAgain(number, hint: nil)
    }

    private func tryAgain(_ number: Int, hint: Int?) {
        guard let current = clients[number].current else { return }
        if current.attempts >= 12 && !isHealed {
            finish(number, current.mayHaveHappened ? .unknown : .refused)
            return
        }
        // The timer of the try that ended means nothing any more.
        clients[number].current?.attempts += 1
        let target = random.chance(0.8) ? hint : nil
        if let target { clients[number].believedLeader = target }
        queue.insert(
            .tryAgain(client: number, sequence: current.request.sequence, at: target),
            at: time + random.between(500, 60_000))
    }

    private func finish(_ number: Int, _ outcome: HistoryEntry.Outcome) {
        guard let current = clients[number].current else { return }
        clients[number].current = nil
        switch outcome {
        case .ok: statistics.ok += 1
        case .refused: statistics.refused += 1
        case .unknown: statistics.unknown += 1
        }
        history.append(
            HistoryEntry(
                client: number, key: current.request.key, operation: current.request.operation,
                level: current.level, invoked: current.invoked,
                returned: outcome == .unknown ? nil : time, outcome: outcome))
        if !isHealed, profile.allows(.lateRetry), current.request.operation != .read,
            outcome != .refused, random.chance(0.05)
        {
            // A gateway that never heard the answer asks again, long after.
            statistics.count(.lateRetry)
            let late = Attempt(
                client: number, sequence: current.request.sequence, request: current.request,
                level: current.level, token: .zero)
            queue.insert(
                .request(late, to: random.below(nodes.count)),
                at: time + random.between(10_000, 5_000_000))
        }
        guard !current.isExtra || isHealed else { return }
        let pause = isHealed ? 1_000 : random.exponential(mean: profile.thinkTime)
        queue.insert(.clientStarts(number), at: time + pause)
    }
}
