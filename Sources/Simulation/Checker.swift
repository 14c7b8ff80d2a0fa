import Consensus

/// What must hold at every moment of a run, watched from outside: the checker sees what replicas send, commit and answer, and
/// believes nothing they say about themselves.
struct Checker {
    /// Raft, figure 3: Election Safety.
    private var leaders: [UInt64: ReplicaID] = [:]
    private var votes: [Vote: ReplicaID] = [:]
    /// The highest term each replica has promised anything in.
    private var promised: [ReplicaID: Term] = [:]
    /// Every committed block by its last entry, as the first replica to commit it had it.
    private var committed: [UInt64: Committed] = [:]
    private var hashes: [UInt64: UInt64] = [:]
    private(set) var committedIndex: LogIndex
    /// The members by the last committed configuration.
    private(set) var configuration: Configuration
    private(set) var configurationIndex: LogIndex
    /// The rows as they must be, and every value a key ever had, by the entry that set it.
    private var values: [Int: [(index: LogIndex, value: Int)]] = [:]
    private var answers: [Int: Int] = [:]
    private(set) var hasReference = true
    private(set) var acknowledged: [(request: Int, answer: Int)] = []
    private(set) var failure: String?

    private struct Vote: Hashable {
        let replica: ReplicaID
        let term: Term
    }

    private struct Committed: Equatable {
        let head: BlockHead
        let payload: [UInt8]
    }

    init(birth: SnapshotHead) {
        committedIndex = birth.position.index
        configuration = birth.configuration
        configurationIndex = birth.position.index
    }

    mutating func fail(_ message: String) {
        if failure == nil { failure = message }
    }

    mutating func leads(_ replica: ReplicaID, in term: Term) {
        if let other = leaders.updateValue(replica, forKey: term.rawValue), other != replica {
            fail("two leaders in term \(term): \(other) and \(replica)")
        }
    }

    mutating func sent(_ message: Message) {
        switch message.body {
        case .voted(granted: true):
            let vote = Vote(replica: message.from, term: message.term)
            if let other = votes.updateValue(message.to, forKey: vote), other != message.to {
                fail("\(message.from) voted twice in term \(message.term)")
            }
            promised[message.from] = max(promised[message.from] ?? .zero, message.term)
        case .appended:
            promised[message.from] = max(promised[message.from] ?? .zero, message.term)
        default: break
        }
    }

    mutating func restarted(_ replica: ReplicaID, in term: Term) {
        if let least = promised[replica], term < least {
            fail("\(replica) came back in term \(term) after promises in term \(least)")
        }
    }

    /// A replica holds a block as committed.
    mutating func commits(
        _ replica: ReplicaID, _ head: BlockHead, _ payload: [UInt8], changes: [RowChange]?
    ) {
        let mine = Committed(head: head, payload: payload)
        if let known = committed[head.last.rawValue] {
            if known != mine {
                fail(
                    "\(replica) committed \(head.first)-\(head.last) of term \(head.term) with \(payload.count) bytes where \(known.head.first)-\(known.head.last) of term \(known.head.term) with \(known.payload.count) bytes was committed"
                )
            }
            return
        }
        guard head.first == committedIndex.next else {
            fail("\(replica) committed \(head.first)-\(head.last) after \(committedIndex)")
            return
        }
        committed[head.last.rawValue] = mine
        committedIndex = head.last
        if case .configuration(let configuration) = head.content {
            self.configuration = configuration
            configurationIndex = head.last
        }
        guard let changes else {
            hasReference = hasReference && head.content != .entries
            return
        }
        for change in changes {
            switch change.table {
            case .values: values[change.key, default: []].append((head.last, change.value))
            case .answers:
                if answers.updateValue(change.value, forKey: change.key) != nil {
                    fail("request \(change.key) had its effect twice")
                }
            }
        }
    }

    /// A replica's rows stand at an entry.
    mutating func stands(_ replica: ReplicaID, at index: LogIndex, hash: UInt64) {
        if index > committedIndex {
            fail("\(replica) applied \(index), and only \(committedIndex) is committed")
        }
        if let known = hashes[index.rawValue] {
            if known != hash { fail("\(replica) has other rows than others at \(index)") }
        } else {
            hashes[index.rawValue] = hash
        }
    }

    mutating func acknowledges(request: Int, answer: Int, at index: LogIndex) {
        acknowledged.append((request, answer))
        if index > committedIndex {
            fail("an answer names \(index), and only \(committedIndex) is committed")
        }
        if hasReference, answers[request] != answer {
            fail(
                "request \(request) was answered \(answer), its row says \(answers[request] ?? -1)")
        }
    }

    /// A read at any level found a value in rows that stand at an entry.
    mutating func read(key: Int, value: Int, at index: LogIndex, noEarlierThan least: LogIndex) {
        if index < least { fail("a read saw \(index) and was to see \(least)") }
        guard hasReference else { return }
        let expected = values[key]?.last { $0.index <= index }?.value ?? 0
        if expected != value {
            fail("key \(key) read as \(value) at \(index), and it was \(expected) there")
        }
    }
}
