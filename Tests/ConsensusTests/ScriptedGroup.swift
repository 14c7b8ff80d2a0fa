import Consensus

/// A group of replicas that does only what a script says: messages wait until they are delivered, writes until they are
/// persisted. Every command answers with the effects it had, in a short notation.
final class ScriptedGroup {
    private struct Replica {
        var core: Raft
        var isUp = true
        // What its disk holds, and what is on the way there.
        var hardState = HardState(term: .zero, vote: nil)
        var start: SnapshotHead
        var blocks: [BlockHead] = []
        var pending: [Write] = []
        var applied: LogIndex = .zero

        mutating func persist(_ write: Write) {
            if let hardState = write.hardState { self.hardState = hardState }
            if let snapshot = write.snapshot {
                start = snapshot
                blocks = []
                applied = max(applied, snapshot.position.index)
            }
            if let index = write.truncateAfter { blocks.removeAll { $0.last > index } }
            blocks += write.blocks
        }
    }

    private var replicas: [UInt64: Replica] = [:]
    private var network: [Message] = []
    private var snapshots: [(from: UInt64, to: UInt64, head: SnapshotHead)] = []
    private var cuts: Set<[UInt64]> = []
    private var limits = Limits()
    private var isQuiet = false
    private var lines: [String] = []

    struct Mistake: Error, CustomStringConvertible { let description: String }

    /// Runs one command and says what followed from it.
    func run(_ command: String) throws -> [String] {
        lines = []
        isQuiet = false
        let words = command.split(separator: " ").map(String.init)
        let numbers = words.dropFirst().compactMap(UInt64.init)
        switch words[0] {
        case "limits": try setLimits(words)
        case "group": try makeGroup(words, numbers)
        case "join": join(numbers[0])
        case "start": for id in replicas.keys.sorted() { step(id, .started) }
        case "fire":
            guard let timer = Timer.allCases.first(where: { "\($0)" == words[2] }) else {
                throw Mistake(description: "no timer \(words[2])")
            }
            step(numbers[0], .timerFired(timer))
        case "deliver": deliver(matching: Array(words.dropFirst()))
        case "drop": lose(matching: Array(words.dropFirst()))
        case "repeat":
            let chosen = network.filter { matches($0, Array(words.dropFirst())) }
            network += chosen
        case "persist": for id in numbers { persist(id) }
        case "settle": settle()
        case "cut": for pair in words.dropFirst() { cut(pair) }
        case "mend": cuts = []
        case "propose":
            step(
                numbers[0],
                .propose(entries: Int(numbers[1]), bytes: Int(numbers.dropFirst(2).first ?? 10)))
        case "members":
            step(
                numbers[0],
                .changeMembers(voters: list("voters", words), learners: list("learners", words)))
        case "transfer": step(numbers[0], .transfer(to: ReplicaID(numbers[1])))
        case "read": step(numbers[0], .read(ReadID(numbers[1])))
        case "suspect":
            for other in numbers.dropFirst() { step(numbers[0], .suspected(ReplicaID(other))) }
        case "trust":
            for other in numbers.dropFirst() { step(numbers[0], .trusted(ReplicaID(other))) }
        case "disown": step(numbers[0], .disowned(ReplicaID(numbers[1])))
        case "compact": step(numbers[0], .compact(through: LogIndex(numbers[1])))
        case "crash": for id in numbers { crash(id) }
        case "restart": for id in numbers { restart(id) }
        case "snapshot": sendSnapshots(isCut: words.contains("cut"))
        case "waiting": for message in network { lines.append(describe(message)) }
        case "show": for id in numbers.isEmpty ? replicas.keys.sorted() : numbers { show(id) }
        default: throw Mistake(description: "unknown command \(words[0])")
        }
        return lines.isEmpty ? ["ok"] : lines
    }

    // MARK: Commands

    private func setLimits(_ words: [String]) throws {
        for word in words.dropFirst() {
            let parts = word.split(separator: "=")
            guard parts.count == 2, let value = Int(parts[1]) else {
                throw Mistake(description: "\(word)")
            }
            switch parts[0] {
            case "blockBytes": limits.blockBytes = value
            case "messageBytes": limits.messageBytes = value
            case "inflightBytes": limits.inflightBytes = value
            case "inflightBlocks": limits.inflightBlocks = value
            case "uncommittedBytes": limits.uncommittedBytes = value
            case "promotionLag": limits.promotionLag = UInt64(value)
            default: throw Mistake(description: "no limit \(parts[0])")
            }
        }
    }

    /// `group 1 2 3 [learners=4] [log:2=1,1,3]`: the log of 2 holds one entry of each of these terms.
    private func makeGroup(_ words: [String], _ voters: [UInt64]) throws {
        let configuration = Configuration(
            voters: voters.map { ReplicaID($0) }, learners: list("learners", words))
        for id in configuration.members {
            var blocks: [BlockHead] = []
            let prefix = "log:\(id)="
            if let word = words.first(where: { $0.hasPrefix(prefix) }) {
                for term in word.dropFirst(prefix.count).split(separator: ",").compactMap({
                    UInt64($0)
                }) {
                    let index = LogIndex(UInt64(blocks.count) + 1)
                    blocks.append(
                        BlockHead(
                            first: index, last: index, term: Term(term), bytes: 10,
                            content: .entries))
                }
            }
            let start = SnapshotHead(position: .zero, configuration: configuration)
            let hard = HardState(term: blocks.last?.term ?? .zero, vote: nil)
            add(id.rawValue, start, blocks, hard)
        }
    }

    private func join(_ id: UInt64) {
        add(
            id, SnapshotHead(position: .zero, configuration: Configuration(voters: [])), [],
            HardState(term: .zero, vote: nil))
        step(id, .started)
    }

    private func add(_ id: UInt64, _ start: SnapshotHead, _ blocks: [BlockHead], _ hard: HardState)
    {
        let core = Raft(
            id: ReplicaID(id), limits: limits, hardState: hard, snapshot: start, blocks: blocks,
            applied: .zero)
        replicas[id] = Replica(core: core, hardState: hard, start: start, blocks: blocks)
    }

    private func list(_ name: String, _ words: [String]) -> [ReplicaID] {
        guard let word = words.first(where: { $0.hasPrefix(name + "=") }) else { return [] }
        return word.dropFirst(name.count + 1).split(separator: ",")
            .compactMap { UInt64($0).map { ReplicaID($0) } }
    }

    private func cut(_ pair: String) {
        if pair.contains(">") {
            cuts.insert(pair.split(separator: ">").compactMap { UInt64($0) })
        } else {
            let ends = pair.split(separator: "-").compactMap { UInt64($0) }
            cuts.insert(ends)
            cuts.insert(ends.reversed())
        }
    }

    /// `all`, `1>2`, `to 2`, `from 1`, each with an optional kind of message behind it.
    private func matches(_ message: Message, _ words: [String]) -> Bool {
        var words = words[...]
        let from = message.from.rawValue
        let to = message.to.rawValue
        switch words.popFirst() {
        case "all", nil: break
        case "to": if words.popFirst() != "\(to)" { return false }
        case "from": if words.popFirst() != "\(from)" { return false }
        case let pair?: if pair != "\(from)>\(to)" { return false }
        }
        guard let kind = words.popFirst() else { return true }
        return self.kind(of: message.body) == kind
    }

    private func deliver(matching words: [String]) {
        // What follows from the delivery waits in its turn.
        let chosen = network.filter { matches($0, words) }
        network.removeAll { matches($0, words) }
        for message in chosen { receive(message) }
    }

    private func lose(matching words: [String]) {
        for message in network where matches(message, words) {
            lines.append("lost \(describe(message))")
        }
        network.removeAll { matches($0, words) }
    }

    private func receive(_ message: Message) {
        guard replicas[message.to.rawValue]?.isUp == true else { return }
        step(message.to.rawValue, .received(message))
    }

    private func persist(_ id: UInt64) {
        guard var replica = replicas[id], let last = replica.pending.last else { return }
        for write in replica.pending { replica.persist(write) }
        replica.pending = []
        replicas[id] = replica
        step(id, .persisted(sequence: last.sequence))
    }

    private func settle() {
        isQuiet = true
        for _ in 0..<10_000 {
            if !network.isEmpty {
                receive(network.removeFirst())
            } else {
                let waiting = replicas.keys.sorted().first {
                    replicas[$0]?.isUp == true && replicas[$0]?.pending.isEmpty == false
                }
                guard let waiting else { return }
                persist(waiting)
            }
        }
        lines.append("does not settle")
    }

    private func crash(_ id: UInt64) {
        replicas[id]?.isUp = false
        replicas[id]?.pending = []
    }

    private func restart(_ id: UInt64) {
        guard var replica = replicas[id] else { return }
        replica.isUp = true
        replica.core = Raft(
            id: ReplicaID(id), limits: limits, hardState: replica.hardState,
            snapshot: replica.start, blocks: replica.blocks,
            applied: max(replica.applied, replica.start.position.index))
        replicas[id] = replica
        step(id, .started)
    }

    private func sendSnapshots(isCut: Bool) {
        let waiting = snapshots
        snapshots = []
        for (from, to, head) in waiting {
            guard let sender = replicas[from], sender.isUp else { continue }
            if !isCut {
                receive(
                    Message(
                        from: ReplicaID(from), to: ReplicaID(to), term: sender.core.term,
                        body: .snapshot(head)))
            }
            step(from, .snapshotSent(to: ReplicaID(to), succeeded: !isCut))
        }
    }

    // MARK: Effects

    private func step(_ id: UInt64, _ event: Event) {
        guard var replica = replicas[id], replica.isUp else {
            lines.append("\(id): down")
            return
        }
        var effects: [Effect] = []
        replica.core.step(event, &effects)
        for effect in effects {
            if let text = describe(effect) { lines.append("\(id): \(text)") }
            switch effect {
            case .write(let write): replica.pending.append(write)
            case .send(let message):
                if !cuts.contains([id, message.to.rawValue]) { network.append(message) }
            case .sendSnapshot(let to):
                // Taken at once, however late it arrives.
                let index = replica.applied
                guard let term = replica.core.term(at: index) else { break }
                snapshots.append(
                    (
                        id, to.rawValue,
                        SnapshotHead(
                            position: LogPosition(index: index, term: term),
                            configuration: replica.core.configuration(at: index))
                    ))
            case .commit(let index): replica.applied = index
            default: break
            }
        }
        replicas[id] = replica
    }

    private func describe(_ effect: Effect) -> String? {
        switch effect {
        case .write(let write): return isQuiet ? nil : "write \(write.sequence)\(describe(write))"
        case .send(let message):
            if isQuiet { return nil }
            let lost =
                cuts.contains([message.from.rawValue, message.to.rawValue]) ? " (cut off)" : ""
            return "send \(describe(message))\(lost)"
        case .sendSnapshot(let to): return "snapshot to \(to)"
        case .setTimer(let timer): return isQuiet ? nil : "set \(timer)"
        case .cancelTimer(let timer): return isQuiet ? nil : "cancel \(timer)"
        case .commit(let index): return "commit \(index)"
        case .readReady(let read, let index): return "read \(read) at \(index)"
        case .readRefused(let read, let refusal): return "read \(read) refused: \(refusal)"
        case .roleChanged(let role, let term, let leader):
            return "\(role) in term \(term), leader \(leader.map { "\($0)" } ?? "none")"
        case .proposalRefused(let refusal): return "refused: \(refusal)"
        case .transferEnded(let to, let outcome): return "transfer to \(to): \(outcome)"
        case .halted(let reason): return "halted: \(reason)"
        }
    }

    private func describe(_ write: Write) -> String {
        var text = ""
        if let hard = write.hardState {
            text += " term=\(hard.term) vote=\(hard.vote.map { "\($0)" } ?? "none")"
        }
        if let snapshot = write.snapshot {
            text += " snapshot=\(snapshot.position) \(describe(snapshot.configuration))"
        }
        if let index = write.truncateAfter { text += " truncate after \(index)" }
        if !write.blocks.isEmpty { text += " append \(describe(write.blocks))" }
        return text
    }

    private func describe(_ blocks: [BlockHead]) -> String {
        blocks.map { block in
            let range =
                block.first == block.last ? "\(block.first)" : "\(block.first)-\(block.last)"
            switch block.content {
            case .entries: return "\(range)/\(block.term)"
            case .noop: return "\(range)/\(block.term) noop"
            case .configuration(let configuration):
                return "\(range)/\(block.term) \(describe(configuration))"
            }
        }.joined(separator: ", ")
    }

    private func describe(_ configuration: Configuration) -> String {
        func list(_ replicas: [ReplicaID]) -> String {
            replicas.map { "\($0)" }.joined(separator: " ")
        }
        var text = "(\(list(configuration.voters)))"
        if configuration.isJoint { text += "&(\(list(configuration.outgoing)))" }
        if !configuration.learners.isEmpty { text += " learners (\(list(configuration.learners)))" }
        return text
    }

    private func kind(of body: Message.Body) -> String {
        String("\(body)".prefix { $0 != "(" })
    }

    private func describe(_ message: Message) -> String {
        var text = "\(message.from)>\(message.to) t\(message.term) \(kind(of: message.body))"
        switch message.body {
        case .preVote(let request), .vote(let request):
            text += " last=\(request.last)" + (request.isTransfer ? " transfer" : "")
        case .preVoted(let granted), .voted(let granted): text += granted ? " yes" : " no"
        case .append(let append):
            text +=
                " after \(append.previous): \(append.blocks.isEmpty ? "nothing" : describe(append.blocks))"
            text += " commit=\(append.commit)" + (append.round > 0 ? " round=\(append.round)" : "")
        case .appended(let answer):
            text += " match=\(answer.match) commit=\(answer.commit)"
            if answer.round > 0 { text += " round=\(answer.round)" }
        case .rejected(let answer): text += " after \(answer.previous) hint=\(answer.hint)"
        case .heartbeat(let beat):
            text += " commit=\(beat.commit)" + (beat.round > 0 ? " round=\(beat.round)" : "")
        case .heartbeatAnswered(let round, let commit):
            text += " commit=\(commit)" + (round > 0 ? " round=\(round)" : "")
        case .snapshot(let head): text += " \(head.position)"
        case .timeoutNow, .termIsOver: break
        }
        return text
    }

    private func show(_ id: UInt64) {
        guard let replica = replicas[id] else { return }
        let core = replica.core
        guard replica.isUp else {
            lines.append("\(id): down")
            return
        }
        let blocks = core.blocks(from: core.start.index.next, through: core.last.index)
        lines.append(
            "\(id): \(core.role) t\(core.term) vote=\(core.vote.map { "\($0)" } ?? "none") "
                + "leader=\(core.leader.map { "\($0)" } ?? "none") commit=\(core.commit) "
                + "durable=\(core.durableIndex) members=\(describe(core.configuration)) "
                + "log=\(core.start)|\(describe(blocks))")
    }
}
