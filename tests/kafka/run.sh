#!/bin/bash
# A real Kafka: every transaction is decided, through one kill -9 and restart; duplicates are counted and
# reported; an orderly end leaves nothing to repeat.  Prints `ok NAME` or `not ok NAME`, one line a test,
# and `N passed, N failed` at the end; the broker is always stopped.
#
#   tests/kafka/run.sh              against build/release/weir (WEIR=PROGRAM for another)
#   KAFKA_TEST_COUNT, KAFKA_TEST_PORT   transactions (200000), port (19292)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
weir=${WEIR:-build/release/weir}
reader=$(dirname "$weir")/tests/kafka_reader
port=${KAFKA_TEST_PORT:-19292}
count=${KAFKA_TEST_COUNT:-200000}
config=${KAFKA_TEST_CONFIG:-configs/payments.json}
brokers=127.0.0.1:$port
deadline_s=180
passed=0 failed=0
weir_pid='' simulator_pid=''
work=$(mktemp -d)

finish() {
    [[ -n $weir_pid ]] && kill -KILL "$weir_pid" 2>/dev/null
    [[ -n $simulator_pid ]] && kill -KILL "$simulator_pid" 2>/dev/null
    script/kafka erase "$port" 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok $name"
    else
        failed=$((failed + 1))
        sed 's/^/    /' "$work"/*.log 2>/dev/null | tail -n 30
        echo "not ok $name"
    fi
}

# One figure of a topic: records, distinct, duplicates, without_id, digest.
figure() { # TOPIC FIGURE
    "$reader" "$brokers" "$1" 2>>"$work/reader.log" | sed -n "s/.*\"$2\":\"\{0,1\}\([0-9a-f]*\).*/\1/p"
}

# Until the topic has so many different ids.
wait_for() { # TOPIC DISTINCT
    local until=$((SECONDS + deadline_s)) seen
    while ((SECONDS < until)); do
        seen=$(figure "$1" distinct)
        ((${seen:-0} >= $2)) && return 0
        sleep 0.3
    done
    echo "    $1: only ${seen:-0} of $2 after $deadline_s s"
    return 1
}

start_weir() {
    "$weir" run "$config" --kafka "$brokers" --json >>"$work/report" 2>>"$work/weir.log" &
    weir_pid=$!
}

# An orderly end; its exit code.
end_weir() {
    local status
    kill -TERM "$weir_pid"
    wait "$weir_pid"
    status=$?
    weir_pid=''
    return "$status"
}

if [[ ! -x $reader ]]; then
    mkdir -p "$work/bin"
    reader=$work/bin/kafka_reader
    cc -std=gnu17 -D_GNU_SOURCE -O2 -o "$reader" tests/kafka/reader.c -lrdkafka || exit 1
fi
script/kafka erase "$port" 2>/dev/null
script/kafka start "$port" || exit 1
script/kafka topics "$port" transactions:4 labels:4 decisions:4 alerts:1 dead-letters:1 model-events:1 \
    >"$work/topics" || exit 1

# --- killed in the middle --------------------------------------------------------------------------
start_weir
"$weir" simulate --count "$count" --seed 7 --rate $((count / 8)) --kafka "$brokers" \
    2>"$work/simulator.log" &
simulator_pid=$!
check kill/begins wait_for decisions $((count / 4))
kill -KILL "$weir_pid"
wait "$weir_pid" 2>/dev/null
at_kill=$(figure decisions records)
check kill/in-the-middle test "$at_kill" -lt "$count"
start_weir
wait "$simulator_pid"
check kill/simulator-ends test $? -eq 0
simulator_pid=''
check kill/all-decided wait_for decisions "$count"
check kill/orderly-end end_weir

transactions=$(figure transactions distinct)
decisions=$(figure decisions distinct)
duplicates=$(figure decisions duplicates)
check kill/all-sent test "$transactions" = "$count"
check kill/none-lost-none-invented test "$decisions" = "$transactions"
check kill/the-same-ids test "$(figure decisions digest)" = "$(figure transactions digest)"
check kill/no-dead-letters test "$(figure dead-letters records)" = 0
check kill/alerts test "$(figure alerts distinct)" -gt 0
echo "    $count transactions, $at_kill decisions when it was killed, $duplicates decided twice"

# --- after an orderly end nothing is decided again -------------------------------------------------
before=$(figure decisions records)
start_weir
sleep 3
check again/orderly-end end_weir
check again/nothing-repeated test "$(figure decisions records)" = "$before"

echo "$passed passed, $failed failed"
((failed == 0))
