import Consensus
import Replication

/// One simulated machine: a process that lives and dies, and a disk that stays.
final class Node<Machine: SimulatedMachine> {
    let number: Int
    /// Counts the lives of the process; what was meant for an earlier one is nothing to this one.
    var life = 0
    var isUp = true
    var disk: Disk<Machine>?
    var replica: Replica<Machine>?
    var monitor: PeerMonitor
    /// The life of each other node's process that was heard last.
    var livesHeard: [Int]
    var frozenUntil: Int64 = 0
    /// The disk takes this much longer, until then.
    var stalledUntil: Int64 = 0
    /// How far the wall clock is off, in milliseconds.
    var clockOffset: Int64 = 0
    /// Which setting of each timer is in force.
    var timers = [UInt64](repeating: 0, count: Timer.allCases.count)
    var isApplyPending = false
    var attempts: [UInt64: Attempt] = [:]
    /// Reads of followers for which this leader's round is under way.
    var questions: [UInt64: ReadQuestion] = [:]
    /// Own reads of this leader that may be answered once it is vouched for, and from which entry on.
    var unvouched: [UInt64: LogIndex] = [:]
    /// Own reads that may be answered once an entry is applied.
    var granted: [(number: UInt64, index: LogIndex)] = []
    /// What the checker has seen of this life.
    var seenReady: LogIndex = .zero
    var seenApplied: LogIndex = .zero

    init(number: Int, monitor: PeerMonitor, nodes: Int) {
        self.number = number
        self.monitor = monitor
        livesHeard = [Int](repeating: 0, count: nodes)
    }

    /// What a process that ends forgets.
    func forgetClients() {
        attempts = [:]
        questions = [:]
        unvouched = [:]
        granted = []
    }
}

/// What is on a node's disk.
struct Disk<Machine: SimulatedMachine> {
    let replica: ReplicaID
    let log: SimulatedLog
    let machine: Machine
    let bornAt: Int64
}

/// One try of a client's operation at one node.
struct Attempt {
    let client: Int
    let sequence: Int
    let request: SimulatedRequest
    let level: HistoryEntry.Level
    /// What a session read must see.
    let token: LogIndex
}

/// A follower's question which entry it must have applied to answer a read itself.
struct ReadQuestion {
    let number: UInt64
    let asker: Int
    let replica: ReplicaID
    let term: Term
}

/// A leader's question to a voter, whether its term is still the voter's.
struct TermQuestion {
    let number: UInt64
    let asker: Int
    let witness: ReplicaID
    let term: Term
}

/// How a try ended.
enum AttemptResult {
    case done(Int, index: LogIndex)
    /// It had no effect; perhaps that node leads.
    case refused(hint: Int?)
    case unknown
}

/// A client: one operation at a time, tried until it is answered or given up.
struct Client {
    let number: Int
    var sequence = 0
    var current: Current?
    var believedLeader: Int
    /// The newest entry an answer named.
    var token: LogIndex = .zero
    var finalOperations = 0

    struct Current {
        let request: SimulatedRequest
        let level: HistoryEntry.Level
        let invoked: Int64
        /// The value of `token` when it began.
        let token: LogIndex
        var attempts = 0
        var mayHaveHappened = false
        /// Whether the client's next operation is planned already.
        var isExtra = false
    }
}
