#!/bin/bash
# Against a real Kafka: a pipeline that is killed in the middle, then the ledger alone, requests on a control
# topic (requests.sh), silence on an idle stream (silence.sh), backfill against online (backfill.sh), what
# does not start and why (refusals.sh), what brokers delete (retention.sh), brokers that are away for long (outage.sh), then a suite of faults (faults.sh).  Prints `ok NAME` or `not ok NAME`, one line a test, and `N passed, N failed` at
# the end of each part; brokers are always stopped.
#
#   tests/kafka/run.sh              against build/release/weir (WEIR=PROGRAM for another)
#   KAFKA_TEST_COUNT, KAFKA_TEST_PORT   transactions (100000), port (19292)
#   KAFKA_TEST_LONG=yes             the long forms of outage.sh and faults.sh
#   KAFKA_TEST_LOGS=FOLDER          keeps logs and reports there
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=tests/kafka/common.sh
. tests/kafka/common.sh
count=${KAFKA_TEST_COUNT:-100000}
config=${KAFKA_TEST_CONFIG:-configs/payments.json}

has_seen() { # TOPIC DISTINCT
    local seen
    seen=$(figure "$1" distinct)
    ((${seen:-0} >= $2))
}

start_weir() {
    "$weir" run "$config" --kafka "$brokers" --state "$work/state" --json >"$work/report.json" \
        2>>"$work/weir.log" &
    pid_of[weir]=$!
}

find_reader
open_broker transactions:4 labels:4 decisions:4 alerts:1 dead-letters:1 model-events:1

# --- killed in the middle --------------------------------------------------------------------------
start_weir
"$weir" simulate --count "$count" --seed 7 --rate $((count / 8)) --kafka "$brokers" \
    2>"$work/simulator.log" &
pid_of[simulator]=$!
check kill/begins wait_until 'a quarter is decided' has_seen decisions $((count / 4))
end_by_kill weir
at_kill=$(figure decisions records)
check kill/in-the-middle test "$at_kill" -lt "$count"
start_weir
check kill/simulator-ends reap simulator
check kill/all-decided wait_until 'everything is decided' has_seen decisions "$count"
check kill/orderly-end end_orderly weir
check kill/nothing-lost-nothing-twice "$reader" "$brokers" --verify transactions decisions alerts dead-letters
check kill/all-sent test "$(figure transactions distinct)" = "$count"
check kill/the-same-ids test "$(figure decisions digest)" = "$(figure transactions digest)"
check kill/alerts test "$(figure alerts distinct)" -gt 0
say "$count transactions, $at_kill decisions when it was killed, $(figure decisions duplicates) decided twice"

# --- after an orderly end nothing is decided again -------------------------------------------------
before=$(figure decisions records)
hash=$(member "$work/report.json" state_hash)
start_weir
sleep 3
check again/orderly-end end_orderly weir
check again/nothing-repeated test "$(figure decisions records)" = "$before"
check again/nothing-forgotten test "$(member "$work/report.json" events)" = "$count"
say "state hash $hash before, $(member "$work/report.json" state_hash) after"
summary
status=$?

# --- the ledger, faults ----------------------------------------------------------------------------
export KAFKA_TEST_PORT=$port WEIR=$weir
if [[ -x tests/kafka/ledger.sh ]]; then
    tests/kafka/ledger.sh || status=1
fi
tests/kafka/requests.sh || status=1
tests/kafka/silence.sh || status=1
tests/kafka/backfill.sh || status=1
tests/kafka/refusals.sh || status=1
tests/kafka/retention.sh || status=1
# A broker of its own: this one is killed.
KAFKA_TEST_PORT=$((port + 10)) tests/kafka/outage.sh $([[ ${KAFKA_TEST_LONG:-no} == no ]] || echo --long) || status=1
tests/kafka/faults.sh $([[ ${KAFKA_TEST_LONG:-no} == no ]] || echo --long) || status=1
exit $status
