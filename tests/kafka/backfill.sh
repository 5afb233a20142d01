#!/bin/bash
# Backfill equals online: events in four partitions, some late, some too late, each with its label, are
# decided online with their features; then the journal, the same records from a file, and the same events in
# another order of arrival are replayed.  Features must be the same to the byte (in the other order: of events
# that saw the same past in both).  Prints `ok NAME` or `not ok NAME`, one line a test.
#
#   tests/kafka/backfill.sh         against build/release/weir (WEIR=PROGRAM for another)
#   BACKFILL_COUNT                  events (10000)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=tests/kafka/common.sh
. tests/kafka/common.sh
count=${BACKFILL_COUNT:-10000}
config=tests/kafka/backfill.json

backfill() { # COMMAND ...
    tests/kafka/backfill.py "$@" >"$work/backfill.out" 2>&1
    local status=$?
    sed 's/^/    /' "$work/backfill.out"
    return $status
}

# What a read_committed reader sees, in the order of the topic's only partition.
consume() { # TOPIC
    kcat -C -b "$brokers" -t "$1" -o beginning -e -q -X isolation.level=read_committed 2>>"$work/kcat.log"
}

all_decided() {
    consume backfill-decisions >"$work/decisions"
    (($(wc -l <"$work/decisions") >= count))
}

start_weir() {
    "$weir" run $config --kafka "$brokers" --state "$work/state" --json >"$work/report.json" \
        2>>"$work/weir.log" &
    pid_of[weir]=$!
}

"$weir" simulate --count "$count" --seed 11 --customers 300 --terminals 200 >"$work/events" \
    2>>"$work/simulator.log" || exit 1
tests/kafka/backfill.py orders "$work/events" "$work" || exit 1
open_broker backfill-in:4 backfill-decisions:1 backfill-late:1
start_weir
check backfill/leads wait_until 'it leads' grep -q 'leading after' "$work/weir.log"
check backfill/fed tests/kafka/backfill.py feed "$work/first.jsonl" "$brokers" backfill-in
check backfill/decided wait_until 'everything is decided' all_decided
check backfill/orderly-end end_orderly weir
consume backfill-late >"$work/late"
check backfill/some-too-late test -s "$work/late"

# --- the journal -----------------------------------------------------------------------------------
check backfill/journal-replays "$weir" replay $config --journal --kafka "$brokers" \
    --features "$work/journal.csv"
check backfill/journal-same-features backfill same "$work/decisions" "$work/journal.csv"

# --- the same records from a file --------------------------------------------------------------------
tests/kafka/backfill.py reorder "$work/events" "$work/decisions" >"$work/decided.jsonl"
check backfill/file-replays "$weir" replay $config "$work/decided.jsonl" --features "$work/file.csv"
check backfill/file-same-features backfill same "$work/decisions" "$work/file.csv"

# --- another order of arrival ------------------------------------------------------------------------
check backfill/shuffled-replays "$weir" replay $config "$work/second.jsonl" --features "$work/second.csv"
check backfill/shuffled-same-features backfill alike "$work/events" "$work/decisions" "$work/late" \
    "$work/second.jsonl" "$work/second.csv"
summary
