#!/bin/bash
# The ledger on a real Kafka: two processes write one journal while they are ended, killed, stopped and
# continued, and the broker is killed; what is there afterwards is checked without weir's code.  Prints
# `ok NAME` or `not ok NAME`, one line a test, and how long the handovers took; the broker is always
# stopped.
#
#   tests/kafka/ledger.sh           against the libraries of build/release (WEIR=PROGRAM for another build)
#   KAFKA_LEDGER_PORT               19592
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
build=$(dirname "${WEIR:-build/release/weir}")
port=${KAFKA_LEDGER_PORT:-19592}
brokers=127.0.0.1:$port
work=$(mktemp -d)
passed=0 failed=0
jars=build/kafka/jars-$(sed -n 's/^version=//p' script/kafka)/*
declare -A pid=()

finish() {
    local name
    for name in "${!pid[@]}"; do
        kill -CONT "${pid[$name]}" 2>/dev/null
        kill -KILL "${pid[$name]}" 2>/dev/null
    done
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
        ((failed == 1)) && tail -n 8 "$work"/*.log | cut -c 1-200 | sed 's/^/    /'
        echo "not ok $name"
    fi
}

program() { # NAME SOURCE LIBRARIES...; the build's own, or made here
    local name=$1 source=$2
    shift 2
    if [[ -x $build/tests/$name ]]; then
        echo "$build/tests/$name"
    else
        cc -std=gnu17 -D_GNU_SOURCE -O2 -I. -o "$work/$name" "$source" "$@" >&2 || exit 1
        echo "$work/$name"
    fi
}

now_ms() {
    date +%s%3N
}

start() { # NAME
    "$node" "$brokers" ledger 1000000 20 >"$work/$1.log" 2>&1 &
    pid[$1]=$!
}

# Waits until a line of the log has the words; prints its time, in milliseconds.
line_time() { # NAME WORDS SECONDS [AFTER_MS]
    local until=$((SECONDS + $3)) found
    while ((SECONDS <= until)); do
        found=$(awk -v words="$2" -v after="${4:-0}" \
            'index($0, words) && $1 >= after {print $1; exit}' "$work/$1.log")
        [[ -n $found ]] && echo "$found" && return 0
        sleep 0.05
    done
    return 1
}

says() { # NAME WORDS SECONDS [AFTER_MS]
    line_time "$@" >/dev/null
}

# Lines of the log with the words, since then.
count_lines() { # NAME WORDS [AFTER_MS]
    awk -v words="$2" -v after="${3:-0}" 'index($0, words) && $1 >= after' "$work/$1.log" | wc -l
}

# Entries go on coming.
progresses() { # SECONDS
    local until=$((SECONDS + $1)) before after
    before=$(journal_end)
    while ((SECONDS < until)); do
        sleep 0.5
        after=$(journal_end)
        ((${after:-0} > ${before:-0})) && return 0
        before=${before:-$after}
    done
    return 1
}

journal_end() {
    kcat -b "$brokers" -Q -t ledger-journal:0:-1 2>/dev/null | sed 's/.*offset //'
}

# How long it took from then to the other's first commit.
handover() { # HOW NAME SINCE_MS
    local committed
    committed=$(line_time "$2" committed 20 "$3") || return 1
    echo "    $1: $((committed - $3)) ms until the first commit of the other" \
        "(owns after $(($(line_time "$2" owns=1 1 "$3") - $3)) ms," \
        "claimed after $(($(line_time "$2" claimed 1 "$3") - $3)) ms)"
}

set_topic() { # TOPIC SETTING
    java -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$jars" kafka.admin.ConfigCommand \
        --bootstrap-server "$brokers" --alter --entity-type topics --entity-name "$1" --add-config "$2" \
        >>"$work/settings.log" 2>&1
}

# A process that does not begin to work, and says why.
refuses() { # WORDS [OFFSET]
    timeout 20 "$node" "$brokers" ledger 1 20 "${@:2}" >"$work/refused.log" 2>&1
    grep -q "stop.*$1" "$work/refused.log"
}

ends_well() { # NAME
    local status
    kill -TERM "${pid[$1]}"
    wait "${pid[$1]}"
    status=$?
    unset "pid[$1]"
    return "$status"
}

node=$(program kafka_ledger tests/kafka/ledger.c "$build/libsinks.a" "$build/libbase.a" -lrdkafka -ljansson \
    -lxxhash -lm) || exit 1
checker=$(program kafka_ledger_check tests/kafka/ledger_check.c -lrdkafka) || exit 1
script/kafka erase "$port" 2>/dev/null
script/kafka start "$port" || exit 1
script/kafka topics "$port" ledger-in:1 ledger-out:3 ledger-alerts:1 >/dev/null || exit 1

# --- one leads; another joins and waits --------------------------------------------------------------
start a
check alone/leads says a committed 20
start b
check join/standby-opens says b open 10
sleep 3
check join/the-older-keeps-the-lead test "$(count_lines b owns=1)" = 0
check join/the-older-goes-on progresses 3

# --- an orderly end hands over at once ---------------------------------------------------------------
since=$(now_ms)
check end/closes ends_well a
check end/taken-over handover 'orderly end' b "$since"

# --- kill -9: after the session timeout --------------------------------------------------------------
start c
check kill/standby-opens says c open 10
sleep 2
since=$(now_ms)
kill -KILL "${pid[b]}"
wait "${pid[b]}" 2>/dev/null
unset 'pid[b]'
check kill/taken-over handover 'kill -9 (session timeout 6000 ms)' c "$since"

# --- a process that is stopped and goes on -----------------------------------------------------------
start d
check zombie/standby-opens says d open 10
sleep 2
since=$(now_ms)
kill -STOP "${pid[c]}"
check zombie/taken-over handover 'SIGSTOP (session timeout 6000 ms)' d "$since"
since=$(now_ms)
kill -CONT "${pid[c]}"
check zombie/steps-down says c down 10 "$since"
sleep 2
check zombie/does-not-lead test "$(count_lines c leading "$since")" = 0
check zombie/the-healthy-one-goes-on progresses 3
claims=$(($(count_lines c claimed "$since") + $(count_lines d claimed "$since")))
echo "    after the zombie's return: $claims claims"
check zombie/fences-nobody-for-good test "$claims" -le 4

# --- the broker is killed and comes back -------------------------------------------------------------
kill -KILL "$(cat build/kafka/"$port"/pid)"
sleep 1
check broker/comes-back script/kafka start "$port" 2>"$work/broker.log"
since=$(now_ms)
check broker/goes-on progresses 40
echo "    broker killed: $(($(now_ms) - since)) ms after its return entries come again"

for name in "${!pid[@]}"; do
    check "end/$name-closes" ends_well "$name"
done
for name in a c d; do
    sed -n "s/^[0-9]* commits=/    $name: commits=/p" "$work/$name.log"
done
check verify/"$("$checker" "$brokers" ledger | tee "$work/check.log" | tail -n 1 | tr ' ' ,)" \
    grep -q 'wrong=0$' "$work/check.log"
# --- topics that would lose what is needed ------------------------------------------------------------
set_topic ledger-journal retention.ms=3600000,cleanup.policy=compact
check topics/compacted-journal refuses 'ledger-journal has cleanup.policy=compact'
check topics/short-retention-is-told grep -q 'kept for a limited time.*retention.ms=3600000' "$work/refused.log"
set_topic ledger-journal retention.ms=-1,cleanup.policy=delete
set_topic ledger-out max.message.bytes=100000
check topics/too-small-an-output refuses 'output decisions: topic ledger-out takes records of at most 100000'
set_topic ledger-out max.message.bytes=2000000
check topics/journal-made-anew refuses 'before 99999999 where the state stands' 99999999
cat >"$work/cut.json" <<'JSON'
{"version": 1, "partitions": [{"topic": "ledger-journal", "partition": 0, "offset": 40}]}
JSON
java -Xmx128m -XX:TieredStopAtLevel=1 -cp "$jars" org.apache.kafka.tools.DeleteRecordsCommand \
    --bootstrap-server "$brokers" --offset-json-file "$work/cut.json" >>"$work/settings.log" 2>&1
check topics/journal-cut-off refuses 'cut off by retention: it begins at offset 40' 20

echo "$passed passed, $failed failed in $SECONDS s"
((failed == 0))
