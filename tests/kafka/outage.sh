#!/bin/bash
# Brokers that are away for long against a real Kafka: before the start, in the middle of a recovery, while a
# pipeline leads.  It waits, says so now and then, and goes on; nothing is lost and nothing comes twice.  Prints
# `ok NAME` or `not ok NAME`, one line a test.
#
#   tests/kafka/outage.sh           outages of 6 s
#   tests/kafka/outage.sh --long    outages of 45 s
#   WEIR=PROGRAM, KAFKA_TEST_PORT, KAFKA_TEST_LOGS as in run.sh
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=tests/kafka/common.sh
. tests/kafka/common.sh
outage_s=6
[[ ${1:-} != --long ]] || outage_s=45
count=20000
sent=0

start_weir() { # [OPTION...]
    : >"$work/weir.log"
    "$weir" run "$work/pipeline.json" --kafka "$brokers" --state "$work/state" --json "$@" \
        >"$work/report.json" 2>"$work/weir.log" &
    pid_of[weir]=$!
}

# So many more events, each with an id of its own.
produce() { # COUNT
    seq $((sent + 1)) $((sent + $1)) |
        awk '{ printf "{\"id\":\"%d\",\"time\":%d,\"till\":\"till-%d\",\"amount\":%d}\n", $1, $1 * 10, $1 % 100, $1 % 977 }' |
        kcat -P -b "$brokers" -t outage-in -X partitioner=random 2>>"$work/kcat.log"
    sent=$((sent + $1))
}

decided() {
    [[ $(figure outage-decisions distinct) == "$sent" ]]
}

# Written `count` times at most: an outage must not fill the log.
told() { # WORDS LEAST MOST
    local lines
    lines=$(grep -c "$1" "$work/weir.log")
    ((lines >= $2 && lines <= $3)) || { say "\"$1\" stands in the log $lines times" && false; }
}

broker() { # start, kill
    script/kafka "$1" "$port" 2>>"$work/broker.log"
}

# An outage of all brokers, in which weir must not end.
outage() {
    broker kill
    sleep "$outage_s"
    runs weir || { say 'weir has ended' && return 1; }
    broker start
}

refused() { # STATUS WORDS OPTION...; ends by itself
    local status=0 wanted=$1 words=$2
    shift 2
    timeout 60 "$weir" run "$work/pipeline.json" --kafka "$brokers" --state "$work/state" "$@" \
        >"$work/refused.out" 2>"$work/refused.log" || status=$?
    say "exit code $status: $(tail -n 1 "$work/refused.log" | cut -c1-180)"
    ((status == wanted)) && tail -n 1 "$work/refused.log" | grep -q "$words"
}

cat >"$work/pipeline.json" <<'JSON'
{
  "name": "outage-test",
  "memory": "32MiB",
  "state": {"every": "1h"},
  "events": {
    "source": "kafka", "topic": "outage-in",
    "fields": {"id": "id", "time": {"type": "time", "unit": "ms"}, "till": "key", "amount": "number"}
  },
  "features": {"spent": "sum(amount) by till over 1m"},
  "outputs": {"decisions": {"sink": "kafka", "topic": "outage-decisions"}}
}
JSON

find_reader
open_broker outage-in:2 outage-decisions:2
if [[ $started_broker == no ]]; then
    echo 'skip outage: the broker on this port belongs to somebody else'
    exit 0
fi
produce $count

# --- before the start --------------------------------------------------------------------------------
broker kill
check outage/gives-up-when-told refused 1 'did not answer' --wait 2s
start_weir
sleep "$outage_s"
check outage/waits-for-the-start runs weir
check outage/says-so-now-and-then told 'waiting' 1 6
check outage/says-little test "$(wc -l <"$work/weir.log")" -lt 20
kill -TERM "${pid_of[weir]}"
sleep 0.5
check outage/a-signal-ends-the-wait eval '! runs weir'
reap weir
start_weir
sleep "$outage_s"
broker start
check outage/starts-when-they-come wait_until 'everything is decided' decided
check outage/says-that-they-came told 'the brokers answer again' 1 9

# --- while it leads ----------------------------------------------------------------------------------
check outage/leader-stays outage
produce $count
check outage/leader-goes-on wait_until 'everything is decided' decided

# --- before and in the middle of a recovery -----------------------------------------------------------
end_by_kill weir
broker kill
start_weir
sleep "$outage_s"
check outage/recovery-waits runs weir
broker start
wait_until 'it recovers' grep -q 'is running' "$work/weir.log"
check outage/recovery-stays outage
produce $count
check outage/recovery-goes-on wait_until 'everything is decided' decided
check outage/orderly-end end_orderly weir
hash=$(member "$work/report.json" state_hash)

# --- what does not heal is told at once ----------------------------------------------------------------
sed 's/"outage-in"/"outage-nowhere"/; s/outage-test/outage-nowhere/' "$work/pipeline.json" >"$work/nowhere.json"
no_topic() {
    timeout 60 "$weir" run "$work/nowhere.json" --kafka "$brokers" --state "$work/state" 2>"$work/nowhere.log"
    [[ $? == 1 ]] && tail -n 1 "$work/nowhere.log" | grep -q 'topic outage-nowhere does not exist; create it first'
}
check outage/no-such-topic no_topic

# --- nothing lost, nothing twice ----------------------------------------------------------------------
check outage/nothing-lost test "$(figure outage-decisions digest)" = "$(figure outage-in digest)"
check outage/nothing-twice test "$(figure outage-decisions duplicates)" = 0
"$weir" replay "$work/pipeline.json" --journal --kafka "$brokers" --json >"$work/replay.json" 2>"$work/replay.log"
check outage/replay-comes-to-the-same-state test "$(member "$work/replay.json" state_hash)" = "$hash"
say "$sent events, outages of $outage_s s"
summary
