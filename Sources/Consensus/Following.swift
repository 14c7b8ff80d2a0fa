/// A follower: takes what its leader sends (Raft, 5.3), and answers for what is on its disk.
extension Raft {
    /// Whether a message is from this term's leader, which it then follows.
    mutating func acceptLeader(_ message: Message) -> Bool {
        guard message.term == term else {
            // An old leader: it steps down when it hears of this term.
            send(.termIsOver, to: message.from)
            return false
        }
        if role == .leader || (leader != nil && leader != message.from) {
            halt(.twoLeaders(term, message.from))
            return false
        }
        if role != .follower || leader != message.from {
            becomeFollower(term: term, leader: message.from)
        }
        return true
    }

    mutating func received(_ append: Message.Append, _ sender: ReplicaID) {
        leaderRound = max(leaderRound, append.round)
        var blocks = append.blocks[...]
        if append.previous.index < commit && !has(.truncatesCommitted) {
            // Every later leader has what is committed (Leader Completeness, 5.4.3), so that part needs no comparison.
            for block in blocks {
                guard block.last <= commit else { break }
                if let term = log.term(at: block.last), term != block.term {
                    halt(.committedEntryChanged(block.first))
                    return
                }
            }
            verified = max(verified, commit)
            blocks = blocks.drop { $0.last <= commit }
        } else if log.term(at: append.previous.index) != append.previous.term,
            !(has(.skipsPreviousTermCheck) && append.previous.index <= log.last.index)
        {
            let hint = log.boundary(atOrBefore: append.previous.index, term: append.previous.term)
            send(
                .rejected(
                    Message.Rejected(
                        previous: append.previous.index, hint: hint, round: leaderRound)),
                to: sender)
            return
        }
        if has(.truncatesCommitted), log.last.index > append.previous.index,
            !truncate(after: append.previous.index)
        {
            return
        }
        for block in blocks {
            if let term = log.term(at: block.last) {
                if term == block.term { continue }
                guard truncate(after: block.first.previous) else { return }
            } else if log.last.index >= block.first {
                guard truncate(after: block.first.previous) else { return }
            }
            log.append(block)
            draft.blocks.append(block)
        }
        verified = max(verified, append.blocks.last?.last ?? append.previous.index)
        advanceCommit(to: append.commit)
        owesAcknowledgement = true
        updateElectionTimer(restart: false)
    }

    /// - Returns: false when what would go is committed.
    private mutating func truncate(after index: LogIndex) -> Bool {
        guard index >= commit || (has(.truncatesCommitted) && index >= log.start.index) else {
            halt(.committedEntryChanged(index.next))
            return false
        }
        log.truncate(after: index)
        persistence.truncate(after: index)
        draft.truncateAfter = min(draft.truncateAfter ?? index, index)
        return true
    }

    mutating func received(_ heartbeat: Message.Heartbeat, _ sender: ReplicaID) {
        leaderRound = max(leaderRound, heartbeat.round)
        advanceCommit(to: heartbeat.commit)
        // The round as asked, not the newest: the answer to an old question is worth no more than it was.
        promise(.heartbeatAnswered(round: heartbeat.round, commit: commit), to: sender)
    }

    /// What is committed, as far as this log is known to be the leader's (5.3, last rule of figure 2's AppendEntries).
    private mutating func advanceCommit(to index: LogIndex) {
        let known = has(.commitsBeyondMatch) ? min(index, log.last.index) : min(index, verified)
        commit = max(commit, known)
    }

    mutating func received(_ head: SnapshotHead) {
        defer { owesAcknowledgement = true }
        guard head.position.index > commit else {
            verified = max(verified, commit)
            return
        }
        verified = max(verified, head.position.index)
        commit = head.position.index
        // The log has it all: nothing to replace (7).
        if log.term(at: head.position.index) == head.position.term { return }
        log = Log(snapshot: head, blocks: [])
        persistence.truncate(after: .zero)
        ready = commit
        draft.snapshot = head
        updateElectionTimer(restart: false)
    }

    /// Tells the leader how much of its log is on this disk, whenever that is more than it was told, and once when nothing is
    /// left to wait for.
    mutating func acknowledge() {
        guard owesAcknowledgement, role == .follower, let leader else { return }
        var match = min(verified, persistence.durableIndex)
        if has(.acknowledgesBeforeSync) { match = verified }
        guard match == verified || match > acknowledged else { return }
        acknowledged = match
        owesAcknowledgement = match < verified
        promise(
            .appended(Message.Appended(match: match, round: leaderRound, commit: commit)),
            to: leader)
    }
}
