---------------------------- MODULE NodeSuspicion ----------------------------
(***************************************************************************)
(* When elections start, and who is refused.  Lodge has no heartbeats per  *)
(* replica group: a node hears from other nodes as a whole, and a replica  *)
(* does nothing while it trusts the node of its leader.  This leaves two   *)
(* questions: whether safety survives any suspicion, right or wrong, and   *)
(* whether a group can be left without a leader for good, because all wait *)
(* for somebody who no longer leads.                                       *)
(*                                                                         *)
(* One group, one replica per node.  Two phases:                           *)
(*   storm   Suspicion says anything at any time, so every choice that     *)
(*           depends on trust, on a pre-vote or on who hears whom is left  *)
(*           open: anybody may campaign, vote or step down.  What binds is *)
(*           only what is on disk, the term and the vote.  Safety is       *)
(*           checked here.                                                 *)
(*   calm    From some moment on nothing fails and suspicion is right: a   *)
(*           quorum of nodes is up and unsuspected, the others are down    *)
(*           and suspected.  Whatever was on the way is lost, and the logs *)
(*           are as long as they may be.  From here on the rules are       *)
(*           followed to the letter, and the group must come to follow one *)
(*           leader.                                                       *)
(* The contents of logs are in LodgeReplication; here a log is only longer *)
(* or shorter than another (`rank`).                                       *)
(*                                                                         *)
(* Pre-votes: Ongaro's thesis, 9.6.  Refusing while a leader is trusted:   *)
(* 4.2.3.  Transfer of leadership: 3.10.  A transfer is a campaign that    *)
(* trusting voters do not refuse: in the storm nobody must refuse anyway,  *)
(* so it is in there, also one that the calm finds half done.              *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets, TLC

CONSTANTS
  Replicas,
  Nobody,        \* no vote, no leader
  Several,       \* marks a term that got two leaders
  StormTerm,     \* bound: the highest term in the storm
  MaxTerm        \* bound: the highest term

\* Planted errors, FALSE in the model that must hold.
CONSTANTS
  ExLeaderRefused,    \* the ex-leader's own pre-vote is refused by those that trust it
  KeepsTrust,         \* it may be granted, but they go on trusting it when they cannot grant
  SuspicionIgnored,   \* a follower does not stand when its leader's node is suspected
  LeaderSilent,       \* a leader does not answer a pre-vote with an Append
  VoteForgotten       \* the vote does not survive a restart

VARIABLES
  calm,       \* FALSE in the storm
  up,         \* the nodes that are up in the calm; all others are suspected
  term, vote, \* as on disk
  role,       \* "follower", "prevote", "candidate", "leader"
  trusted,    \* whom the replica takes for the leader of its term
  rank,       \* how long the log is (chosen when the calm begins)
  votes,      \* granted votes <<term, voter, candidate>>; a candidate's own stands for its request
  leader,     \* leader[t]: who became the leader of term t
  given       \* in the calm: given pre-votes, as `votes`

vars == <<calm, up, term, vote, role, trusted, rank, votes, leader, given>>

Terms == 1..MaxTerm
Quorums == {q \in SUBSET Replicas : 2 * Cardinality(q) > Cardinality(Replicas)}
Has(r, t, from) == \E q \in Quorums : \A v \in q : <<t, v, r>> \in from

Init ==
  /\ calm = FALSE
  /\ up = Replicas
  /\ term = [r \in Replicas |-> 0]
  /\ vote = [r \in Replicas |-> Nobody]
  /\ role = [r \in Replicas |-> "follower"]
  /\ trusted = [r \in Replicas |-> Nobody]
  /\ rank = [r \in Replicas |-> 0]
  /\ votes = {}
  /\ leader = [t \in Terms |-> Nobody]
  /\ given = {}

\* The replica is in term t now, with this vote, role and leader.
Turn(r, t, v, what, whom) ==
  /\ term' = [term EXCEPT ![r] = t]
  /\ vote' = [vote EXCEPT ![r] = v]
  /\ role' = [role EXCEPT ![r] = what]
  /\ trusted' = [trusted EXCEPT ![r] = whom]

\* The vote a replica has in term t before it decides.
VoteIn(r, t) == IF t = term[r] THEN vote[r] ELSE Nobody

Lead(r) ==
  /\ role[r] = "candidate"
  /\ Has(r, term[r], votes)
  /\ Turn(r, term[r], vote[r], "leader", Nobody)
  /\ leader' = [leader EXCEPT ![term[r]] = IF @ \in {Nobody, r} THEN r ELSE Several]

-----------------------------------------------------------------------------
(* The storm                                                               *)

Restart(r) ==
  /\ Turn(r, term[r], IF VoteForgotten THEN Nobody ELSE vote[r], "follower", Nobody)
  /\ UNCHANGED <<votes, leader>>

\* With or without a pre-vote, told to by a transfer or not.
Campaign(r) ==
  /\ role[r] # "leader"
  /\ term[r] < StormTerm
  /\ Turn(r, term[r] + 1, r, "candidate", Nobody)
  /\ votes' = votes \cup {<<term[r] + 1, r, r>>}
  /\ UNCHANGED leader

\* Votes for c, whose request of term t was sent; or takes over no more than the term.
Grant(r, c, t) ==
  /\ <<t, c, c>> \in votes
  /\ c # r
  /\ \/ /\ t > term[r] \/ (t = term[r] /\ vote[r] = Nobody /\ role[r] # "leader")
        /\ Turn(r, t, c, "follower", Nobody)
        /\ votes' = votes \cup {<<t, r, c>>}
     \/ /\ t > term[r]
        /\ Turn(r, t, Nobody, "follower", Nobody)
        /\ UNCHANGED votes
  /\ UNCHANGED leader

\* An Append of the leader of term t arrives.
Follow(r, t) ==
  /\ leader[t] \notin {Nobody, Several, r}
  /\ t >= term[r]
  /\ Turn(r, t, VoteIn(r, t), "follower", leader[t])
  /\ UNCHANGED <<votes, leader>>

\* Suspects so many voters that no quorum is left.
StepDown(r) ==
  /\ role[r] = "leader"
  /\ Turn(r, term[r], vote[r], "follower", Nobody)
  /\ UNCHANGED <<votes, leader>>

Storm ==
  /\ ~calm
  /\ \E r \in Replicas :
       \/ Restart(r)
       \/ Campaign(r)
       \/ \E c \in Replicas, t \in Terms : Grant(r, c, t)
       \/ Lead(r) /\ UNCHANGED votes
       \/ \E t \in Terms : Follow(r, t)
       \/ StepDown(r)
  /\ UNCHANGED <<calm, up, rank, given>>

BecomeCalm ==
  /\ ~calm
  /\ calm' = TRUE
  /\ up' \in Quorums
  /\ rank' \in [Replicas -> {0, 1}]
  /\ votes' = {}
  /\ UNCHANGED <<term, vote, role, trusted, leader, given>>

-----------------------------------------------------------------------------
(* The calm.  Nobody who is up is suspected, everybody who is down is.      *)
(*                                                                         *)
(* Whoever asks, asks again until it is answered, so a question stands for *)
(* as long as the role does that asks it; a question and its answer are    *)
(* one step here.  Given pre-votes and votes stay good, whatever the voter *)
(* does next.  A step is possible only when it changes something, so a     *)
(* state without a step is one in which nothing will ever happen again.    *)

Suspected(n) == n \notin up
Trusts(r) == trusted[r] # Nobody /\ (SuspicionIgnored \/ ~Suspected(trusted[r]))

Without(r) == {g \in given : g[3] # r}

\* A higher term was seen: whatever the replica was, it is over (5.1).
Adopt(r, t) ==
  /\ Turn(r, t, Nobody, "follower", Nobody)
  /\ given' = Without(r)
  /\ UNCHANGED <<rank, votes, leader>>

\* f gets an Append of l, and takes over its log; or l learns from the refusal of a higher term.
AppendReaches(l, f) ==
  IF term[f] > term[l] THEN Adopt(l, term[f])
  ELSE /\ Turn(f, term[l], VoteIn(f, term[l]), "follower", l)
       /\ rank' = [rank EXCEPT ![f] = rank[l]]
       /\ given' = Without(f)
       /\ UNCHANGED <<votes, leader>>

\* A leader repeats an Append until it is acknowledged, and no longer: it sends nothing to who
\* has followed it once.  Who is in an older term cannot have.  (Who is in its term and trusts
\* nobody asks for a pre-vote, below.)
Repeat(l, f) ==
  /\ role[l] = "leader"
  /\ term[f] < term[l]
  /\ AppendReaches(l, f)

\* Knows of no leader that it trusts: asks whether an election could be won.  So does a
\* candidate that waited in vain, and an ex-leader.
Stand(r) ==
  /\ role[r] \in {"follower", "candidate"}
  /\ ~Trusts(r)
  /\ term[r] < MaxTerm
  /\ Turn(r, term[r], vote[r], "prevote", Nobody)
  /\ given' = Without(r) \cup {<<term[r] + 1, r, r>>}
  /\ UNCHANGED <<rank, votes, leader>>

\* The pre-vote of c reaches r.  From the very leader that r trusts it says: I no longer lead.
\* So the trust ends, whether the pre-vote can be granted or not (the ex-leader may have lost
\* the end of its log, and then somebody else must stand).  A leader answers with an Append.
AskPreVote(c, r) ==
  LET t == term[c] + 1
      gone == trusted[r] = c /\ ~ExLeaderRefused
      grants == (~Trusts(r) \/ gone) /\ rank[c] >= rank[r]
      releases == gone /\ (grants \/ ~KeepsTrust)
  IN /\ role[c] = "prevote"
     /\ c # r
     /\ IF role[r] = "leader" THEN ~LeaderSilent /\ AppendReaches(r, c)
        ELSE IF t <= term[r] THEN Adopt(c, term[r])
        ELSE /\ releases \/ (grants /\ <<t, r, c>> \notin given)
             /\ given' = IF grants THEN given \cup {<<t, r, c>>} ELSE given
             /\ trusted' = IF releases THEN [trusted EXCEPT ![r] = Nobody] ELSE trusted
             /\ UNCHANGED <<term, vote, role, rank, votes, leader>>

\* A quorum would vote for it: now it stands in earnest.
Candidate(r) ==
  LET t == term[r] + 1 IN
  /\ role[r] = "prevote"
  /\ t <= MaxTerm
  /\ Has(r, t, given)
  /\ Turn(r, t, r, "candidate", Nobody)
  /\ votes' = votes \cup {<<t, r, r>>}
  /\ given' = Without(r)
  /\ UNCHANGED <<rank, leader>>

\* The vote request of c reaches r.  Who leads, or trusts a leader other than c, ignores it and
\* its term too.
AskVote(c, r) ==
  LET refuses == role[r] = "leader" \/ (Trusts(r) /\ (trusted[r] # c \/ ExLeaderRefused))
      grants == VoteIn(r, term[c]) = Nobody /\ rank[c] >= rank[r]
  IN /\ role[c] = "candidate"
     /\ c # r
     /\ IF term[c] < term[r] THEN Adopt(c, term[r])
        ELSE /\ ~refuses
             /\ term[c] > term[r] \/ grants
             /\ Turn(r, term[c], IF grants THEN c ELSE VoteIn(r, term[c]), "follower", Nobody)
             /\ votes' = IF grants THEN votes \cup {<<term[c], r, c>>} ELSE votes
             /\ given' = Without(r)
             /\ UNCHANGED <<rank, leader>>

Calm ==
  /\ calm
  /\ \E r \in up :
       \/ Stand(r)
       \/ Candidate(r)
       \/ Lead(r) /\ UNCHANGED <<rank, votes, given>>
       \/ \E o \in up : Repeat(r, o) \/ AskPreVote(r, o) \/ AskVote(r, o)
  /\ UNCHANGED <<calm, up>>

Next == Storm \/ BecomeCalm \/ Calm
Spec == Init /\ [][Next]_vars
FairSpec == Spec /\ WF_vars(Calm)

Symmetry == Permutations(Replicas)

-----------------------------------------------------------------------------
(* What must hold                                                          *)

OneLeaderPerTerm == \A t \in Terms : leader[t] # Several

\* Everybody who is up follows one leader.
Settled ==
  \E l \in up :
    /\ role[l] = "leader"
    /\ \A r \in up \ {l} : trusted[r] = l /\ term[r] = term[l]

\* The bound on terms is used up: split votes may do that, as in Raft.
OutOfTerms == \E r \in up : term[r] = MaxTerm

\* No state in the calm is the end without a leader that all follow.
NeverStuck == calm /\ ~ENABLED Calm => Settled \/ OutOfTerms

\* The same with time in it: nor do steps go round in circles.
Settles == calm ~> (Settled \/ OutOfTerms)
=============================================================================
