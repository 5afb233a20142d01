#!/bin/bash
# What `weir run` does not begin with: the exit codes and sentences of docs/exactly-once.md, against a real Kafka.
# Prints `ok NAME` or `not ok NAME`, one line a test.
#
#   tests/kafka/refusals.sh         against build/release/weir (WEIR=PROGRAM for another)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=tests/kafka/common.sh
. tests/kafka/common.sh
deadline_s=30
state=$work/state

config() { # NAME EVENTS [MEMBERS]
    cat <<JSON
{"name": "$1", "memory": "32MiB", $3 "kafka": {"bootstrap.servers": "$brokers"},
 "events": {"source": "kafka", "topic": "$2",
   "fields": {"id": "id", "time": {"type": "time", "unit": "ms"}, "till": "key", "amount": "number"}},
 "features": {"spent": "sum(amount) by till over 1m"},
 "outputs": {"decisions": {"sink": "kafka", "topic": "refusals-decisions"},
   "dead_letters": {"sink": "kafka", "topic": "refusals-dead"}}}
JSON
}

# It ends by itself with this exit code, and its last line has the words.
ends() { # STATUS WORDS ARGUMENT...
    local status=0 wanted=$1 words=$2
    shift 2
    timeout -k 1 60 "$weir" run "$@" >"$work/ends.out" 2>"$work/ends.log" || status=$?
    ((status == wanted)) && tail -n 1 "$work/ends.log" | grep -qF -- "$words" && return
    say "exit code $status: $(tail -n 1 "$work/ends.log" | cut -c1-300)"
    return 1
}

start_weir() { # CONFIG [OPTION...]
    "$weir" run "$@" --state "$state" --json >"$work/report.json" 2>"$work/weir.log" &
    pid_of[weir]=$!
}

decided() { # COUNT
    [[ $(figure refusals-decisions distinct) == "$1" ]]
}

open_broker refusals-in:2 refusals-decisions:1 refusals-dead:1 refusals-wide:1100 refusals-journal:2
find_reader
config refusals refusals-in '' >"$work/good.json"

# --- the command line and the configuration: 2 ---------------------------------------------------------
config refusals refusals-in '"memroy": 1,' >"$work/typo.json"
check refusals/mistake-in-the-configuration ends 2 "memory" "$work/typo.json"
check refusals/unknown-flag ends 2 'unknown flag' "$work/good.json" --stat x
check refusals/empty-state ends 2 '--state: expected a directory' "$work/good.json" --state ''
check refusals/bad-wait ends 2 '--wait: expected a duration' "$work/good.json" --wait soon

# --- the world: 1 -----------------------------------------------------------------------------------------
check refusals/brokers-away ends 1 'kafka did not answer' "$work/good.json" --state "$state" --kafka 127.0.0.1:1 --wait 1s
config nowhere refusals-nowhere '' >"$work/nowhere.json"
check refusals/no-such-topic ends 1 'topic refusals-nowhere does not exist; create it first' "$work/nowhere.json" \
    --state "$state"
config wide refusals-wide '' >"$work/wide.json"
check refusals/too-many-partitions ends 1 'has 1100 partitions, at most 1024 are read' "$work/wide.json" --state "$state"
config split refusals-in '"journal": "refusals-journal",' >"$work/split.json"
check refusals/journal-of-two-partitions ends 1 'refusals-journal has 2 partitions; it must have exactly 1' \
    "$work/split.json" --state "$state"
touch "$work/file"
check refusals/file-in-the-way ends 1 'a file is in its place: name another directory' "$work/good.json" \
    --state "$work/file"

# --- what runs: one that cannot be decoded is skipped, a signal ends it in order: 0 ------------------------
start_weir "$work/good.json"
printf '%s\n' '{"id":"1","time":1,"till":"a","amount":1}' 'no JSON' '{"id":"2","time":2,"till":"a","amount":1}' |
    kcat -P -b "$brokers" -t refusals-in 2>>"$work/kcat.log"
check refusals/bad-records-are-skipped wait_until 'both are decided' decided 2
check refusals/and-become-dead-letters test "$(figure refusals-dead records)" = 1
check refusals/directory-in-use ends 1 "another process (${pid_of[weir]}) uses it" "$work/good.json" --state "$state"
check refusals/orderly-end end_orderly weir
mkdir -p "$state/other"
cp "$state"/refusals/snapshot-* "$state/other"
config other refusals-in '' >"$work/other.json"
check refusals/state-of-another-pipeline ends 1 "the state is of pipeline 'refusals': give 'other'" "$work/other.json" \
    --state "$state"

# --- a signal while it waits: 128 + its number --------------------------------------------------------------
start_weir "$work/good.json" --kafka 127.0.0.1:1
sleep 1
kill -TERM "${pid_of[weir]}"
status=0
reap weir || status=$?
check refusals/signal-while-it-waits test $status = 143
summary
