#!/bin/bash
# Measures exactly once against a real Kafka that it starts itself: weir beside the Kafka client alone
# (ceiling.c) in the same minutes on the same broker.  One JSON object a line on standard output, the rest
# on standard error.  `script/bench kafka` runs it.
#
#   tests/kafka/bench.sh [PART...]      rate snapshots latency takeover; all of them unless named
#
#   WEIR=PROGRAM, BENCH_PORT            program (build/release/weir), port (19692)
#   BENCH_COUNT, BENCH_ROUNDS           transactions of a round (1000000), rounds (3) of rate and snapshots
#   BENCH_STATE_CARDS                   cards of the big state (2200000, about 1 GB)
#   BENCH_EVERY                         time between snapshots where they go on all the time (100ms)
#   BENCH_SECONDS                       of each run at 2,000 transactions a second (20)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
KAFKA_TEST_PORT=${BENCH_PORT:-19692}
# shellcheck source=tests/kafka/common.sh
. tests/kafka/common.sh
count=${BENCH_COUNT:-1000000}
rounds=${BENCH_ROUNDS:-3}
cards=${BENCH_STATE_CARDS:-2200000}
seconds=${BENCH_SECONDS:-20}
every_short=${BENCH_EVERY:-100ms}
rate=2000
ceiling=$work/kafka_ceiling
log='' report=''

note() {
    echo "bench: $*" >&2
}

figures() { # CASE JSON...  merges objects into one line
    python3 - "$@" >&3 <<'PYTHON'
import json
import sys
row = {"bench": "kafka", "case": sys.argv[1]}
for text in sys.argv[2:]:
    row.update(json.loads(text))
print(json.dumps(row))
PYTHON
}

value() { # JSON MEMBER
    python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$1" "$2"
}

now() { # sets now_ms
    now_ms=$((${EPOCHREALTIME/./} / 1000))
}

# Eighteen windows over four entities and a score: the job that Flink and Kafka Streams are measured on.
windows=$(python3 - <<'PYTHON'
import json
features = {"amount_log": "log1p(amount)"}
for entity in "card", "merchant", "terminal", "device":
    for name, formula in ("count_1h", "count() by %s over 1h"), ("count_1d", "count() by %s over 1d"), \
            ("mean_1d", "mean(amount) by %s over 1d"), ("sum_7d", "sum(amount) by %s over 7d"):
        features[f"{entity}_{name}"] = formula % entity
features["card_mean_7d"] = "mean(amount) by card over 7d"
features["terminal_mean_7d"] = "mean(amount) by terminal over 7d"
print(json.dumps({"state": {"every": "1h"}, "labels": None, "drift": None, "retraining": None, "rules": None,
                  "features": features, "score": "fraud",
                  "models": {"fraud": {"kind": "logistic_regression", "prior": 0.01}}}))
PYTHON
)

# The payments pipeline under another name and with other settings (null: without that member), reading
# PREFIX-transactions.
write_config() { # FILE NAME PREFIX MEMBERS
    python3 - "$2" "$3" "$4" >"$1" <<'PYTHON'
import json
import sys
root = json.load(open("configs/payments.json"))
root["name"] = sys.argv[1]
for section in [root["events"], root["labels"], *root["outputs"].values()]:
    section["topic"] = sys.argv[2] + "-" + section["topic"]
root.update(json.loads(sys.argv[3]))
root = {name: member for name, member in root.items() if member is not None}
json.dump(root, sys.stdout, indent=2)
PYTHON
}

topics_of() { # PREFIX
    echo "$1-transactions:4 $1-labels:4 $1-decisions:4 $1-alerts:1 $1-dead-letters:1 $1-model-events:1"
}

fill() { # PREFIX SEED [OPTION...]
    local prefix=$1 of=$2
    shift 2
    "$weir" simulate --seed "$of" --kafka "$brokers" --topic "$prefix-transactions" \
        --labels-topic "$prefix-labels" "$@" 2>>"$work/simulator.log"
}

start() { # NAME CONFIG
    log=$work/$1.$((++starts)).log report=$work/$1.$starts.json
    now
    started_ms=$now_ms
    : >"$log"
    "$weir" run "$2" --kafka "$brokers" --state "$work/state-$1" --json >"$report" 2>"$log" &
    pid_of[$1]=$!
}
starts=0

leads() { # LOG
    grep -E 'node: (leading after|the lead is lost|it is not known)' "$1" | tail -n 1 | grep -q 'leading after'
}

consumed() { # NAME TOPIC...
    local name=$1
    shift
    "$reader" "$brokers" --group "weir-$name" "$@" >/dev/null 2>>"$work/reader.log"
}

# CPU time of a process so far, in ns.
cpu_ns() { # PID
    awk -v tick="$(getconf CLK_TCK)" '{ printf "%.0f", ($14 + $15) * 1e9 / tick }' "/proc/$1/stat"
}

# Starts, drains the topics, ends in order; sets drained (JSON) and the process's CPU.
drain() { # NAME CONFIG PREFIX EVENTS TOPIC...
    local before_ns after_ns
    start "$1" "$2"
    wait_until "$1 leads" leads "$log" || return 1
    before_ns=$(cpu_ns "${pid_of[$1]}")
    wait_until "$1 has consumed everything" consumed "$1" "${@:5}" || return 1
    after_ns=$(cpu_ns "${pid_of[$1]}")
    end_orderly "$1" || return 1
    drained=$("$ceiling" rate "$brokers" "$3-decisions" "$started_ms") || return 1
    drained_cpu_ns=$(((after_ns - before_ns) / $4))
}

# The client alone over the same records, now.
pump() { # PREFIX EVENTS
    now
    local cpu
    cpu=$("$ceiling" pump "$brokers" "$1-transactions" passed 100 "$2" 2>>"$work/pump.log") || return 1
    pumped=$("$ceiling" rate "$brokers" passed "$now_ms") || return 1
    pumped_cpu_ns=$(value "$cpu" cpu_ns_per_record)
}

share() { # OF THAN
    python3 -c 'import json, sys
print(round(json.loads(sys.argv[1])["records_per_second"] / json.loads(sys.argv[2])["records_per_second"], 3))' "$1" "$2"
}

# ---- the parts ------------------------------------------------------------------------------------

# One round of one pipeline beside the client alone.
measure_round() { # CASE NAME MEMBERS TOPIC...
    write_config "$work/rate.json" "$2" rate "$3"
    pump rate "$count" && drain "$2" "$work/rate.json" rate "$count" "${@:4}" || return 1
    figures "$1" "{\"round\": $round, \"transactions\": $count,
        \"ceiling_per_second\": $(value "$pumped" records_per_second),
        \"ceiling_cpu_ns\": $pumped_cpu_ns,
        \"events_per_second\": $(value "$drained" records_per_second),
        \"cpu_ns_per_event\": $drained_cpu_ns,
        \"share\": $(share "$drained" "$pumped"),
        \"entries\": $(member "$report" journal.entries_led)}"
}

measure_rate() {
    local round
    # shellcheck disable=SC2046 # words
    script/kafka topics "$port" $(topics_of rate) >/dev/null
    note "filling a topic with $count transactions"
    fill rate 1 --count "$count"
    for ((round = 1; round <= rounds; round++)); do
        measure_round eighteen-windows "windows-$round" "$windows" rate-transactions || return 1
        measure_round payments-with-labels "rate-$round" '{"state": {"every": "1h"}}' rate-transactions \
            rate-labels || return 1
    done
}

# Of the report: how long decisions took, and what of the loop's time went into snapshots.
latencies() {
    echo "{\"decision_p99_9_ms\": $(member "$report" decision_latency_ms.p99_9),
        \"decision_maximum_ms\": $(member "$report" decision_latency_ms.maximum),
        \"pause_p99_9_ms\": $(member "$report" snapshots.pause_ms.p99_9),
        \"pause_maximum_ms\": $(member "$report" snapshots.pause_ms.maximum),
        \"pause_turns\": $(member "$report" snapshots.pause_ms.turns)}"
}

# At a steady rate, with and without snapshots: how long the loop is held up.
measure_pauses() { # EVERY CASE
    write_big "$1"
    start big "$work/big.json"
    wait_until 'it leads' leads "$log" || return 1
    fill_big "$RANDOM" --count $((rate * seconds)) --rate $rate
    wait_until 'everything is consumed' consumed big big-transactions || return 1
    end_orderly big || return 1
    figures "$2" "{\"state_bytes\": $(member "$report" snapshots.last_bytes), \"per_second\": $rate,
        \"snapshots\": $(member "$report" snapshots.written), \"snapshot_ms\": $(member "$report" snapshots.last_ms)}" \
        "$(latencies)"
}

measure_recovery() {
    local killed_ms led_ms
    "$reader" "$brokers" --follow big-decisions >"$work/visible" 2>>"$work/reader.log" &
    pid_of[follower]=$!
    start big "$work/big.json"
    wait_until 'it leads' leads "$log" || return 1
    fill_big "$RANDOM" --count $((rate * 30)) --rate $rate & # the last one, in a shell of its own
    pid_of[load]=$!
    sleep 5
    end_by_kill big
    sleep 0.3
    start big "$work/big.json"
    killed_ms=$started_ms
    wait_until 'it leads again' leads "$log" || return 1
    wait_until 'new outputs' visible_after "$killed_ms" || return 1
    led_ms=$(time_of 'node: leading after')
    figures recovery "{\"restart_to_state_ms\": $(($(time_of 'recovery: the state is as of') - killed_ms)),
        \"restart_to_lead_ms\": $((led_ms - killed_ms)), \"restart_to_output_ms\": $((seen_ms - killed_ms)),
        \"session_timeout_ms\": 6000}"
    reap load
    end_by_kill follower
    end_orderly big
}

# Wall clock of the last such line of the log.
time_of() { # PATTERN
    local at
    at=$(grep "$1" "$log" | tail -n 1 | cut -d' ' -f1)
    [[ -n $at ]] && date -d "$at" +%s%3N
}

visible_after() { # MILLISECONDS
    seen_ms=$(awk -v from="$1" '$1 > from { print $1; exit }' "$work/visible")
    [[ -n $seen_ms ]]
}

# The eighteen windows over many cards, with a snapshot every so often.
write_big() { # EVERY
    write_config "$work/big.json" big big "$(python3 -c 'import json, sys
print(json.dumps(json.loads(sys.argv[1]) | {"state": {"every": sys.argv[2]}, "memory": "4GiB"}))' "$windows" "$1")"
}

# The next transactions of the big pipeline.  Its cards make two payments a day, so each call continues
# with a day of its own: events of a time that has been would all come too late.
fill_big() { # SEED [OPTION...]
    fill big "$1" --customers "$cards" --start "$(date -u -d "2025-01-01 + $big_days days" +%F)" "${@:2}"
    big_days=$((big_days + 1))
}
big_days=0

# Many drains of some seconds, so that each holds several snapshots, each between two runs of the client
# alone: the rates of a machine and its disk wander.
measure_big_round() { # CASE EVERY
    local before=$pumped share
    fill_big "$RANDOM" --count "$count"
    write_big "$2"
    drain big "$work/big.json" big "$count" big-transactions && pump big "$count" || return 1
    share=$(python3 -c "print(round(($(share "$drained" "$before") + $(share "$drained" "$pumped")) / 2, 3))")
    echo "$share $drained_cpu_ns" >>"$work/shares-$1"
    figures "$1" "{\"round\": $round, \"transactions\": $count,
        \"ceiling_per_second\": [$(value "$before" records_per_second), $(value "$pumped" records_per_second)],
        \"events_per_second\": $(value "$drained" records_per_second),
        \"cpu_ns_per_event\": $drained_cpu_ns, \"share\": $share,
        \"state_bytes\": $(member "$report" snapshots.last_bytes),
        \"snapshots\": $(member "$report" snapshots.written),
        \"snapshot_ms\": $(member "$report" snapshots.last_ms)}" "$(latencies)"
}

# Of all rounds of a case; the middle one of an even number is the lower.
median_figures() { # CASE
    local middle=$(((rounds + 1) / 2))
    figures "$1-median" "{\"rounds\": $rounds,
        \"share\": $(cut -d' ' -f1 "$work/shares-$1" | sort -n | sed -n ${middle}p),
        \"cpu_ns_per_event\": $(cut -d' ' -f2 "$work/shares-$1" | sort -n | sed -n ${middle}p)}"
}

measure_snapshots() {
    # shellcheck disable=SC2046 # words
    script/kafka topics "$port" $(topics_of big) >/dev/null
    local round
    note "building a big state: $cards cards"
    fill_big 2 --count $((cards * 2))
    write_big 1h
    drain big "$work/big.json" big $((cards * 2)) big-transactions || return 1
    note "its snapshot: $(member "$report" snapshots.last_bytes) bytes in $(member "$report" snapshots.last_ms) ms"
    pump big "$count" || return 1
    for ((round = 1; round <= rounds; round++)); do
        measure_big_round big-state 1h && measure_big_round big-state-with-snapshots "$every_short" || return 1
    done
    median_figures big-state
    median_figures big-state-with-snapshots
    measure_pauses 1h pauses-without-snapshots || return 1
    measure_pauses "$every_short" pauses-with-snapshots || return 1
    measure_recovery
}

probe() { # OUTPUT
    "$ceiling" probe "$brokers" probe-transactions "$1" $rate "$seconds" "$work/lines" 2>>"$work/probe.log"
}

measure_latency() {
    local commit_ms
    # shellcheck disable=SC2046 # words
    script/kafka topics "$port" $(topics_of probe) >/dev/null
    "$weir" simulate --count $((rate * (seconds + 1))) | sed 's/,"fraud":[a-z]*//' >"$work/lines"
    for commit_ms in 100 10; do
        "$ceiling" pump "$brokers" probe-transactions passed $commit_ms 0 >/dev/null 2>"$work/pump.log" &
        pid_of[pump]=$!
        wait_until 'the pump is ready' grep -q ready "$work/pump.log" || return 1
        sleep 1
        figures "pass-through-at-$commit_ms-ms" "$(probe passed)"
        end_orderly pump
        write_config "$work/probe.json" probe probe "{\"commit\": \"${commit_ms}ms\"}"
        start probe "$work/probe.json"
        wait_until 'it leads' leads "$log" || return 1
        wait_until 'the rest is consumed' consumed probe probe-transactions probe-labels
        sleep 1
        figures "weir-at-$commit_ms-ms" "$(probe probe-decisions)"
        end_orderly probe || return 1
    done
}

# The second one follows; the first one ends, or is killed.
measure_takeover() {
    local way session_ms=6000 end_ms first second
    # shellcheck disable=SC2046 # words
    script/kafka topics "$port" $(topics_of take) >/dev/null
    write_config "$work/take.json" take take '{}'
    "$reader" "$brokers" --follow take-decisions >"$work/visible" 2>>"$work/reader.log" &
    pid_of[follower]=$!
    fill take 3 --count $((rate * 60)) --rate $rate &
    pid_of[load]=$!
    for way in ends is-killed; do
        start "first-$way" "$work/take.json"
        first=$log
        wait_until 'the first leads' leads "$first" || return 1
        start "second-$way" "$work/take.json"
        second=$log
        wait_until 'the second runs' grep -q 'is running' "$second" || return 1
        sleep 5
        now
        end_ms=$now_ms
        if [[ $way == ends ]]; then
            kill -TERM "${pid_of["first-$way"]}"
        else
            end_by_kill "first-$way"
        fi
        wait_until 'the second leads' leads "$second" || return 1
        sleep 1
        figures "takeover-when-the-leader-$way" \
            "{\"pause_ms\": $(awk -v from="$((end_ms - 300))" '$1 > from && last && $1 - last > most { most = $1 - last }
                { last = $1 } END { print most + 0 }' "$work/visible"), \"session_timeout_ms\": $session_ms}"
        [[ $way != ends ]] || reap "first-$way"
        end_orderly "second-$way"
    done
    end_by_kill load
    end_by_kill follower
}

exec 3>&1 1>&2 # figures go to 3
cc -std=gnu17 -D_GNU_SOURCE -O2 -o "$ceiling" tests/kafka/ceiling.c -lrdkafka || exit 1
find_reader
open_broker passed:4
status=0
for part in "${@:-rate snapshots latency takeover}"; do
    for name in $part; do
        note "$name"
        "measure_$name" || { note "$name failed"; show_logs; status=1; }
    done
done
exit $status
