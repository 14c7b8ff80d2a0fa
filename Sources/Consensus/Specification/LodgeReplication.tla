-------------------------- MODULE LodgeReplication --------------------------
(***************************************************************************)
(* The parts of Lodge's replication that are not textbook Raft: writes     *)
(* reach the disk behind the state in memory, the leader holds a database  *)
(* transaction open until its block is committed, the database file may    *)
(* fall back at power loss, and a wiped disk must not speak again.         *)
(*                                                                         *)
(* One replica group with a fixed set of voters.  "5.4.2" and the like are *)
(* sections of the Raft paper (Ongaro and Ousterhout, extended version);   *)
(* "thesis" is Ongaro's dissertation.                                      *)
(*                                                                         *)
(* The network.  A message once sent may arrive at any time, any number of *)
(* times, in any order, or never.  So what was sent only ever grows, and   *)
(* it is kept as what it proves, not as a set of packets:                  *)
(*   requests, votes   the RequestVote calls and the granted votes;        *)
(*   acked             the highest acknowledged index per term and voter   *)
(*                     (a lower one proves nothing more);                  *)
(*   led               the log and the commit index of each term's leader: *)
(*                     within a term its log only grows, so every Append   *)
(*                     it ever sent carries a part of it.                  *)
(* Messages leave as soon as they may.  A message that left and was lost   *)
(* is the same as one that never left, so this hides no behaviour.         *)
(*                                                                         *)
(* A block is its index and the term of the leader that made it: one       *)
(* leader makes at most one block for an index in a term.  So a log is a   *)
(* sequence of terms.  Logs are written here from index 1 on even where    *)
(* they are compacted; `start` says what is gone.                          *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets, TLC

CONSTANTS
  Replicas,       \* the voters
  Nobody,         \* no vote, no leader
  Several,        \* marks a term that got two leaders
  MaxTerm,        \* bound: the highest term
  MaxLog,         \* bound: the most blocks in a log
  MaxPending,     \* bound: writes that memory may be ahead of the disk
  MaxCrashes,     \* bound: power losses (one replica, or all at once)
  MaxWipes,       \* bound: wiped disks
  Checkpoints,    \* whether checkpoints and log compaction happen at all
  OneCandidate    \* bound: in each term only one replica stands

\* Planted errors.  Each is FALSE in the model that must hold.
CONSTANTS
  AckBeforeDurable,      \* a follower acknowledges what is only in memory
  VoteBeforeDurable,     \* votes and vote requests leave before term and vote are on disk
  SelfCountEarly,        \* the leader counts its own copy before it is on disk
  CommitEarly,           \* COMMIT before the quorum has the block
  CommitOldTerms,        \* blocks of older terms are committed by counting (against 5.4.2)
  NoRollback,            \* the open transaction outlives the leadership
  CompactPastCheckpoint, \* the log is cut to the applied index, not to the checkpoint
  ReuseIds,              \* a wiped replica goes on under its old id
  StaleAckOldTerm,       \* a held-back acknowledgement leaves after the term changed, as it was
  StaleAckNewTerm        \* the same, but stamped with the term at the time it leaves

VARIABLES
  mem,        \* [term, vote, log] in memory: `Log` and the core's term and vote
  disk,       \* [term, vote, log] on disk: what a restart begins with
  writes,     \* the writes between the two, oldest first (Swift: `Persistence.pending`):
              \* the state after the write, and the index to acknowledge once it is durable
  role,       \* "follower", "candidate" or "leader"
  commit,     \* the commit index that the replica knows of (5.3)
  txn,        \* the block in the open transaction, as its term; 0 when none is open
  db,         \* the blocks whose rows the database file shows; its length is the applied index
  checkpoint, \* how much of `db` is certain to survive power loss
  start,      \* blocks up to here are compacted out of the log (Swift: `Log.start`)
  birth,      \* whether the disk holds the birth record of this replica id (Swift: `ReplicaID`)
  requests,   \* RequestVote: [term, from, index, last]: index and term of the last block
  votes,      \* granted votes: <<term, voter, candidate>>
  acked,      \* acked[t][r]: the highest index that r acknowledged to the leader of term t
  led,        \* led[t]: [leader, log, commit] of term t, as far as its Appends can tell
  crashes,    \* power losses so far
  wipes       \* wiped disks so far

replica == <<mem, disk, writes, role, commit>>
rows == <<txn, db, checkpoint, start>>
network == <<requests, votes, acked, led>>
faults == <<birth, crashes, wipes>>
vars == <<replica, rows, network, faults>>

Terms == 1..MaxTerm
Quorums == {q \in SUBSET Replicas : 2 * Cardinality(q) > Cardinality(Replicas)}
Blank == [term |-> 0, vote |-> Nobody, log |-> <<>>]
Unled == [leader |-> Nobody, log |-> <<>>, commit |-> 0]

Min(a, b) == IF a < b THEN a ELSE b
Max(a, b) == IF a > b THEN a ELSE b
First(s, n) == SubSeq(s, 1, n)
IsPrefix(a, b) == Len(a) <= Len(b) /\ First(b, Len(a)) = a
LastTerm(log) == IF log = <<>> THEN 0 ELSE log[Len(log)]

\* How many blocks two logs have in common from the beginning.
Common(a, b) ==
  CHOOSE n \in 0..Min(Len(a), Len(b)) :
    /\ First(a, n) = First(b, n)
    /\ n < Min(Len(a), Len(b)) => a[n + 1] # b[n + 1]

\* The part of the present log that is on disk and that no write on the way takes off it again
\* (Swift: `Persistence.durableIndex`).
Durable(r) ==
  LET behind == {Common(mem[r].log, disk[r].log)} \cup
                {Common(mem[r].log, writes[r][i].log) : i \in DOMAIN writes[r]}
  IN CHOOSE n \in behind : \A m \in behind : n <= m

Applied(r) == Len(db[r])

\* Messages to a replica id without a birth record are ignored, and nothing runs for it.
Speaks(r) == birth[r] \/ ReuseIds

Init ==
  /\ mem = [r \in Replicas |-> Blank]
  /\ disk = [r \in Replicas |-> Blank]
  /\ writes = [r \in Replicas |-> <<>>]
  /\ role = [r \in Replicas |-> "follower"]
  /\ commit = [r \in Replicas |-> 0]
  /\ txn = [r \in Replicas |-> 0]
  /\ db = [r \in Replicas |-> <<>>]
  /\ checkpoint = [r \in Replicas |-> 0]
  /\ start = [r \in Replicas |-> 0]
  /\ birth = [r \in Replicas |-> TRUE]
  /\ requests = {}
  /\ votes = {}
  /\ acked = [t \in Terms |-> [r \in Replicas |-> 0]]
  /\ led = [t \in Terms |-> Unled]
  /\ crashes = 0
  /\ wipes = 0

-----------------------------------------------------------------------------
(* Writing and what waits for it                                           *)

\* What leaves once a state is on disk: the vote in it, and the request if it is for oneself.
VotesOf(r, s) == IF s.vote = Nobody THEN {} ELSE {<<s.term, r, s.vote>>}
RequestsOf(r, s) ==
  IF s.vote # r THEN {}
  ELSE {[term |-> s.term, from |-> r, index |-> Len(s.log), last |-> LastTerm(s.log)]}

Acknowledge(r, t, n) ==
  IF n = 0 THEN acked ELSE [acked EXCEPT ![t][r] = Max(@, n)]

\* Acknowledgements held back for the writes on the way are dropped when the term changes.
Held(r, term) ==
  IF term = mem[r].term \/ StaleAckOldTerm \/ StaleAckNewTerm THEN writes[r]
  ELSE [i \in DOMAIN writes[r] |-> [writes[r][i] EXCEPT !.ack = 0]]

State(s, ack) == [term |-> s.term, vote |-> s.vote, log |-> s.log, ack |-> ack]

\* The replica goes on with state s; index `ack` is acknowledged when all of it is on disk.
\* Does not set `votes` and `requests` unless the vote is let out too early.
Become(r, s, ack) ==
  /\ mem' = [mem EXCEPT ![r] = s]
  /\ LET queue == Held(r, s.term)
         changed == s # mem[r]
         late == IF AckBeforeDurable THEN 0 ELSE ack
     IN /\ changed => Len(queue) < MaxPending
        /\ writes' =
             [writes EXCEPT ![r] =
               IF changed THEN Append(queue, State(s, late))
               ELSE IF queue = <<>> THEN queue
               ELSE [queue EXCEPT ![Len(queue)].ack = Max(@, late)]]
        /\ acked' =
             IF AckBeforeDurable \/ (~changed /\ queue = <<>>)
             THEN Acknowledge(r, s.term, ack) ELSE acked
  /\ IF VoteBeforeDurable
     THEN /\ votes' = votes \cup VotesOf(r, s)
          /\ requests' = requests \cup RequestsOf(r, s)
     ELSE UNCHANGED <<votes, requests>>

\* The oldest write reaches the disk and lets out what waited for it.
Persist(r) ==
  /\ Speaks(r)
  /\ writes[r] # <<>>
  /\ LET s == Head(writes[r]) IN
     /\ disk' = [disk EXCEPT ![r] = [term |-> s.term, vote |-> s.vote, log |-> s.log]]
     /\ votes' = votes \cup VotesOf(r, s)
     /\ requests' = requests \cup
          (IF \E q \in requests : q.term = s.term /\ q.from = r THEN {} ELSE RequestsOf(r, s))
     /\ acked' = Acknowledge(r, IF StaleAckNewTerm THEN mem[r].term ELSE s.term, s.ack)
  /\ writes' = [writes EXCEPT ![r] = Tail(@)]
  /\ UNCHANGED <<mem, role, commit, led, rows, faults>>

\* Losing the leadership rolls the open transaction back.
RollBack(r) == txn' = IF NoRollback THEN txn ELSE [txn EXCEPT ![r] = 0]

-----------------------------------------------------------------------------
(* Elections (5.2, 5.4.1).  When they start is NodeSuspicion's business;    *)
(* here anybody may start one at any time.                                 *)

StandForElection(r) ==
  /\ Speaks(r)
  /\ role[r] # "leader"
  /\ mem[r].term < MaxTerm
  /\ OneCandidate => \A o \in Replicas : mem[o].term <= mem[r].term
  /\ Become(r, [term |-> mem[r].term + 1, vote |-> r, log |-> mem[r].log], 0)
  /\ role' = [role EXCEPT ![r] = "candidate"]
  /\ UNCHANGED <<disk, commit, rows, led, faults>>

UpToDate(q, log) ==
  \/ q.last > LastTerm(log)
  \/ q.last = LastTerm(log) /\ q.index >= Len(log)

\* Grants the vote, or only takes over the higher term of a request that it must refuse.
AnswerRequest(r, q) ==
  /\ Speaks(r)
  /\ q.from # r
  /\ q.term >= mem[r].term
  /\ LET newer == q.term > mem[r].term
         free == newer \/ mem[r].vote = Nobody
         grants == free /\ UpToDate(q, mem[r].log)
     IN /\ newer \/ (grants /\ role[r] # "leader")
        /\ Become(r, [term |-> q.term, vote |-> IF grants THEN q.from ELSE Nobody,
                      log |-> mem[r].log], 0)
        /\ role' = [role EXCEPT ![r] = "follower"]
  /\ RollBack(r)
  /\ UNCHANGED <<disk, commit, db, checkpoint, start, led, faults>>

BecomeLeader(r) ==
  /\ Speaks(r)
  /\ role[r] = "candidate"
  /\ LET t == mem[r].term IN
     /\ \E q \in Quorums : \A v \in q : <<t, v, r>> \in votes
     /\ led' = [led EXCEPT ![t] =
          [leader |-> IF @.leader \in {Nobody, r} THEN r ELSE Several,
           log |-> mem[r].log, commit |-> commit[r]]]
  /\ role' = [role EXCEPT ![r] = "leader"]
  /\ UNCHANGED <<mem, disk, writes, commit, rows, requests, votes, acked, faults>>

-----------------------------------------------------------------------------
(* Replication (5.3)                                                       *)

\* A leader's new block.  It may be sent at once, before the leader's own copy is on disk.
AppendBlock(r) ==
  LET t == mem[r].term
      log == Append(mem[r].log, t)
  IN /\ Len(mem[r].log) < MaxLog
     /\ Become(r, [mem[r] EXCEPT !.log = log], 0)
     /\ led' = [led EXCEPT ![t].log = log]

\* Executes a batch inside one database transaction, which stays open: at most one, and only
\* when everything in the log is applied.
Execute(r) ==
  /\ Speaks(r)
  /\ role[r] = "leader"
  /\ txn[r] = 0
  /\ Applied(r) = Len(mem[r].log)
  /\ AppendBlock(r)
  /\ txn' = [txn EXCEPT ![r] = mem[r].term]
  /\ UNCHANGED <<disk, role, commit, db, checkpoint, start, faults>>

\* The empty block with which a leader opens its term, so that older blocks become committed
\* (5.4.2, thesis 6.4).  Here only where older blocks are in the way: shorter logs do.
OpenTerm(r) ==
  /\ Speaks(r)
  /\ role[r] = "leader"
  /\ Applied(r) < Len(mem[r].log)
  /\ LastTerm(mem[r].log) # mem[r].term
  /\ AppendBlock(r)
  /\ UNCHANGED <<disk, role, commit, rows, faults>>

\* An Append of the leader of term t, whose blocks end at n, arrives.  It brings the leader's
\* commit index, of which the follower believes no more than it has compared.
AcceptAppend(r, t, n) ==
  /\ Speaks(r)
  /\ led[t].leader \notin {Nobody, r}
  /\ t >= mem[r].term
  /\ LET sent == First(led[t].log, n)
         log == IF IsPrefix(sent, mem[r].log) THEN mem[r].log ELSE sent
     IN /\ Become(r, [term |-> t, log |-> log,
                      vote |-> IF t = mem[r].term THEN mem[r].vote ELSE Nobody], n)
        /\ commit' = [commit EXCEPT ![r] = Max(@, Min(n, led[t].commit))]
  /\ role' = [role EXCEPT ![r] = "follower"]
  /\ RollBack(r)
  /\ UNCHANGED <<disk, db, checkpoint, start, led, faults>>

\* The leader counts acknowledgements, and itself for what is durable; only blocks of its own
\* term are committed by counting, older ones with them (5.4.2).
AdvanceCommit(r, n) ==
  /\ Speaks(r)
  /\ role[r] = "leader"
  /\ n > commit[r]
  /\ n <= Len(mem[r].log)
  /\ LET t == mem[r].term
         own == IF SelfCountEarly THEN Len(mem[r].log) ELSE Durable(r)
     IN /\ CommitOldTerms \/ mem[r].log[n] = t
        /\ \E q \in Quorums : \A v \in q : IF v = r THEN own >= n ELSE acked[t][v] >= n
        /\ led' = [led EXCEPT ![t].commit = n]
  /\ commit' = [commit EXCEPT ![r] = n]
  /\ UNCHANGED <<mem, disk, writes, role, rows, requests, votes, acked, faults>>

-----------------------------------------------------------------------------
(* The database                                                            *)

\* The next block's rows become visible: the leader's COMMIT of the open transaction, or a block
\* executed from the log.  Either needs the block committed by the quorum and durable here.
Apply(r) ==
  /\ Speaks(r)
  /\ LET n == Applied(r) + 1
         block == IF txn[r] # 0 THEN txn[r] ELSE mem[r].log[n]
     IN /\ n <= commit[r] \/ (CommitEarly /\ txn[r] # 0)
        /\ n <= Durable(r)
        /\ db' = [db EXCEPT ![r] = Append(@, block)]
  /\ txn' = [txn EXCEPT ![r] = 0]
  /\ UNCHANGED <<replica, checkpoint, start, network, faults>>

\* The database file is synced as far as it has come.  COMMIT itself does not sync.
Checkpoint(r) ==
  /\ Checkpoints
  /\ Speaks(r)
  /\ checkpoint[r] < Applied(r)
  /\ checkpoint' = [checkpoint EXCEPT ![r] = Applied(r)]
  /\ UNCHANGED <<replica, txn, db, start, network, faults>>

\* Blocks at or below the checkpoint leave the log (Swift: `Log.compact`; thesis 5).
Compact(r) ==
  /\ Checkpoints
  /\ Speaks(r)
  /\ LET n == IF CompactPastCheckpoint THEN Applied(r) ELSE checkpoint[r]
     IN start[r] < n /\ start' = [start EXCEPT ![r] = n]
  /\ UNCHANGED <<replica, txn, db, checkpoint, network, faults>>

-----------------------------------------------------------------------------
(* Faults                                                                  *)

\* The replicas in `lost` lose power and restart.  What was not on disk is gone; the database
\* file of r shows its first kept[r] blocks.  (A killed process is the case that loses least.)
PowerLoss(lost, kept) ==
  LET down(f, g) == [r \in Replicas |-> IF r \in lost THEN g[r] ELSE f[r]] IN
  /\ crashes < MaxCrashes
  /\ crashes' = crashes + 1
  /\ mem' = down(mem, disk)
  /\ writes' = down(writes, [r \in Replicas |-> <<>>])
  /\ role' = down(role, [r \in Replicas |-> "follower"])
  /\ commit' = down(commit, kept)
  /\ txn' = down(txn, [r \in Replicas |-> 0])
  /\ db' = down(db, [r \in Replicas |-> First(db[r], kept[r])])
  /\ UNCHANGED <<disk, checkpoint, start, network, birth, wipes>>

CrashOne ==
  \E r \in Replicas : \E n \in checkpoint[r]..Applied(r) :
    /\ Speaks(r)
    /\ PowerLoss({r}, [x \in Replicas |-> n])

CrashAll == PowerLoss(Replicas, checkpoint)

\* A disk is wiped.  Nothing is left, the birth record neither.
Wipe(r) ==
  /\ wipes < MaxWipes
  /\ birth[r]
  /\ wipes' = wipes + 1
  /\ birth' = [birth EXCEPT ![r] = FALSE]
  /\ mem' = [mem EXCEPT ![r] = Blank]
  /\ disk' = [disk EXCEPT ![r] = Blank]
  /\ writes' = [writes EXCEPT ![r] = <<>>]
  /\ role' = [role EXCEPT ![r] = "follower"]
  /\ commit' = [commit EXCEPT ![r] = 0]
  /\ txn' = [txn EXCEPT ![r] = 0]
  /\ db' = [db EXCEPT ![r] = <<>>]
  /\ checkpoint' = [checkpoint EXCEPT ![r] = 0]
  /\ start' = [start EXCEPT ![r] = 0]
  /\ UNCHANGED <<network, crashes>>

Next ==
  \/ \E r \in Replicas :
       \/ Persist(r)
       \/ StandForElection(r)
       \/ \E q \in requests : AnswerRequest(r, q)
       \/ BecomeLeader(r)
       \/ Execute(r)
       \/ OpenTerm(r)
       \/ \E t \in Terms : \E n \in 0..Len(led[t].log) : AcceptAppend(r, t, n)
       \/ \E n \in 1..MaxLog : AdvanceCommit(r, n)
       \/ Apply(r)
       \/ Checkpoint(r)
       \/ Compact(r)
       \/ Wipe(r)
  \/ CrashOne
  \/ CrashAll

Spec == Init /\ [][Next]_vars

Symmetry == Permutations(Replicas)

\* What TLC tells states apart by: all but what was sent and can neither have an effect any more
\* nor be looked at by what must hold below.  (Not valid with planted errors that let a replica
\* forget what it sent: those are checked without it.)
View ==
  LET \* the least that r can be thrown back to
      least(r) == IF crashes < MaxCrashes THEN disk[r] ELSE mem[r]
      leads(t) == \E r \in Replicas : role[r] = "leader" /\ mem[r].term = t
      heard(t, from) == \A r \in Replicas \ {from} : Speaks(r) => least(r).term > t
      past(t) == heard(t, led[t].leader) /\ \A u \in 1..t : ~leads(u)
      open(q) == \E r \in Replicas \ {q.from} :
        /\ Speaks(r)
        /\ \/ least(r).term < q.term
           \/ least(r).term = q.term /\ least(r).vote = Nobody
  IN <<replica, rows, faults,
       {q \in requests : open(q)},
       {v \in votes : role[v[3]] = "candidate" /\ mem[v[3]].term = v[1]},
       [t \in Terms |-> IF leads(t)
         THEN [r \in Replicas |-> IF acked[t][r] > led[t].commit THEN acked[t][r] ELSE 0]
         ELSE [r \in Replicas |-> 0]],
       [t \in Terms |-> IF led[t].leader # Nobody /\ past(t)
         THEN [leader |-> "past", log |-> First(led[t].log, led[t].commit),
               commit |-> led[t].commit]
         ELSE led[t]]>>

-----------------------------------------------------------------------------
(* What must hold                                                          *)

CommittedBy(t) == First(led[t].log, led[t].commit)

\* The longest sequence that any leader took for committed.
Committed ==
  LET t == CHOOSE t \in Terms : \A u \in Terms : led[u].commit <= led[t].commit
  IN CommittedBy(t)

\* At most one leader per term (5.2).
OneLeaderPerTerm == \A t \in Terms : led[t].leader # Several

\* Committed blocks never change: whatever leaders took for committed agrees.
CommittedNeverChanges == \A t \in Terms : IsPrefix(CommittedBy(t), Committed)

\* A committed block is in the log of every later leader (5.4.3).  What a client was told is
\* done was visible, hence (below) committed: so no acknowledged write is lost.
LeaderCompleteness ==
  \A t \in Terms, u \in Terms :
    t < u /\ led[u].leader # Nobody => IsPrefix(CommittedBy(t), led[u].log)

\* Every database file shows a prefix of the committed sequence (State Machine Safety, 5.4.3).
DatabaseShowsCommitted == \A r \in Replicas : IsPrefix(db[r], Committed)

\* If all replicas lost power now, a quorum of disks would hold all that is committed; a wiped
\* disk is one that can no longer help to elect anybody else.
SurvivesPowerLoss ==
  {r \in Replicas : ~birth[r] \/ IsPrefix(Committed, disk[r].log)} \in Quorums

\* Nothing is visible that the own log could lose.
AppliedIsDurable == \A r \in Replicas : Applied(r) <= Durable(r)

\* No gap between the database file and the log, at any time and so after every restart.
NoGap == \A r \in Replicas : start[r] <= Applied(r) /\ checkpoint[r] <= Applied(r)

\* Only a leader has a transaction open, and it is the next block of its log.
OpenTransaction ==
  \A r \in Replicas : txn[r] # 0 =>
    /\ role[r] = "leader"
    /\ Len(mem[r].log) = Applied(r) + 1
    /\ LastTerm(mem[r].log) = txn[r]

TypeOK ==
  /\ \A r \in Replicas :
       /\ mem[r].term \in 0..MaxTerm
       /\ Len(mem[r].log) <= MaxLog
       /\ Len(writes[r]) <= MaxPending
       /\ role[r] \in {"follower", "candidate", "leader"}
       /\ commit[r] \in 0..Len(mem[r].log)
       /\ role[r] = "leader" =>
            led[mem[r].term] = [leader |-> r, log |-> mem[r].log, commit |-> commit[r]]
=============================================================================
