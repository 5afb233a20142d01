#!/bin/bash
# A suite of faults against a real Kafka: simulated payments go through a pipeline while its processes and
# its broker are killed, frozen, ended, starved of disk, started twice.  At the end an independent reader
# (reader.c) and an independent decoder of the journal (journal.py) must find every transaction decided
# once and in order, and `weir replay --journal` must come to the state of the last orderly end.
#
#   tests/kafka/faults.sh           about two minutes, with a session timeout of 2 s
#   tests/kafka/faults.sh --long    1,000,000 transactions, 30 kills, the session timeout as it is (6 s)
#
#   WEIR=PROGRAM, KAFKA_TEST_PORT   program (build/release/weir), port (19292)
#   KAFKA_TEST_SEED                 of the random times and victims; printed
#   KAFKA_TEST_LOGS=FOLDER          keeps logs and reports there
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=tests/kafka/common.sh
. tests/kafka/common.sh

if [[ ${1:-} == --long ]]; then
    count=1000000 rate=2400 session_ms=6000 kills=17 takeovers=10 pairs=2 handovers=3 broker_kills=2 small_size=2g
else
    count=100000 rate=1100 session_ms=2000 kills=3 takeovers=1 pairs=0 handovers=1 broker_kills=1 small_size=900m
fi
count=${KAFKA_TEST_COUNT:-$count}
rate=${KAFKA_TEST_RATE:-$rate}
seed=${KAFKA_TEST_SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$seed
outputs=(faults-decisions faults-alerts faults-dead-letters)
journal=weir-faults-journal
config=$work/config.json
starts=0 killed=0 poisoned=0 trickles=0
declare -A log_of=() report_of=() state_of=()
restart_times=() takeover_times=() handover_times=()

# ---- the pipeline ---------------------------------------------------------------------------------

# The payments pipeline under another name, with topics of its own and frequent snapshots.
write_config() {
    python3 - "$session_ms" >"$config" <<'PYTHON'
import json
import sys
root = json.load(open("configs/payments.json"))
root["name"] = "faults"
root["memory"] = "1GiB"
root["state"] = {"every": "2s", "keep": 2}
root["kafka"]["session.timeout.ms"] = int(sys.argv[1])
for section in [root["events"], root["labels"], *root["outputs"].values()]:
    section["topic"] = "faults-" + section["topic"]
json.dump(root, sys.stdout, indent=2)
PYTHON
}

start() { # NAME
    starts=$((starts + 1))
    log_of[$1]=$work/$1.$starts.log
    report_of[$1]=$work/$1.$starts.json
    : "${state_of[$1]:=$work/state-$1}"
    "$weir" run "$config" --kafka "$brokers" --state "${state_of[$1]}" --json >"${report_of[$1]}" \
        2>"${log_of[$1]}" &
    pid_of[$1]=$!
}

# The last word of its log about its role.
leads() { # NAME
    runs "$1" && grep -E 'node: (leading after|the lead is lost|it is not known|another process led)' \
        "${log_of[$1]}" | tail -n 1 | grep -q 'leading after'
}

find_leader() {
    local name
    leader='' standby=''
    for name in a b; do
        if leads "$name"; then
            leader=$name
        elif runs "$name"; then
            standby=$name
        fi
    done
    [[ -n $leader ]]
}

# A standby of use: the other one leads, and it has joined and follows.
find_both() {
    find_leader && [[ -n $standby ]] && grep -q 'is running' "${log_of[$standby]}"
}

# When the simulator has ended before the faults (a slow machine), others go on under other ids.
keep_coming() {
    runs simulator || runs trickle && return
    trickles=$((trickles + 1))
    "$weir" simulate --count 20000 --seed $((100 + trickles)) --rate 500 |
        sed -u "s/\"id\":\"t/\"id\":\"late-$trickles-/; s/,\"fraud\":[a-z]*//" |
        kcat -P -b "$brokers" -t faults-transactions 2>>"$work/kcat.log" &
    pid_of[trickle]=$!
}

fault() { # NAME COMMAND
    keep_coming
    check "faults/$1" "$2"
}

# ---- times ----------------------------------------------------------------------------------------

now() { # sets now_ms
    now_ms=$((${EPOCHREALTIME/./} / 1000))
}

sleep_randomly() { # FROM_MS TO_MS
    local span_ms=$(($1 + RANDOM % ($2 - $1 + 1)))
    sleep "$((span_ms / 1000)).$(printf %03d $((span_ms % 1000)))"
}

# Sets seen_ms to when the first output after that moment became visible.
visible_after() { # MILLISECONDS
    seen_ms=$(tail -n 20000 "$work/visible" | awk -v from="$1" '$1 > from { print $1; exit }')
    [[ -n $seen_ms ]]
}

longest_gap() { # FROM_MS
    tail -n 20000 "$work/visible" |
        awk -v from="$1" '$1 > from && last && $1 - last > most { most = $1 - last } { last = $1 } END { print most + 0 }'
}

print_times() { # WHAT TIME...
    local what=$1
    shift
    (($# > 0)) || return 0
    say "$what: $# times, median $(printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p") ms, most $(
        printf '%s\n' "$@" | sort -n | tail -n 1) ms (session timeout $session_ms ms)"
}

# ---- faults ---------------------------------------------------------------------------------------

# What cannot be decided must be a dead letter, once.
poison() {
    local number
    for number in 1 2 3 4 5; do
        echo "no JSON, number $((poisoned + number))"
        echo "{\"id\":\"poison-$((poisoned + number))\",\"time\":\"yesterday\"}"
    done | kcat -P -b "$brokers" -t faults-transactions -p 0 2>>"$work/kcat.log"
    poisoned=$((poisoned + 10))
}

# The only process is killed and started again; now and then before it has come to anything.
kill_and_restart() {
    local turn restart_ms
    for ((turn = 1; turn <= kills; turn++)); do
        if ((turn % 5 == 4)); then
            sleep_randomly 100 3000
        else
            wait_until 'it decides' leads a || return 1
            sleep_randomly 0 2500
        fi
        end_by_kill a
        killed=$((killed + 1))
        sleep 0.3
        now
        restart_ms=$now_ms
        start a
        ((turn % 5 != 3)) || continue # the next one comes before it has come to anything
        wait_until 'new outputs after a kill' visible_after "$restart_ms" || return 1
        restart_times+=($((seen_ms - restart_ms)))
    done
    poison
}

kill_leader() {
    local turn victim kill_ms
    for ((turn = 1; turn <= takeovers; turn++)); do
        wait_until 'leader and standby' find_both || return 1
        sleep_randomly 500 2500
        find_both || continue
        victim=$leader
        now
        kill_ms=$now_ms
        end_by_kill "$victim"
        killed=$((killed + 1))
        wait_until 'the standby takes over' visible_after $((kill_ms + 300)) || return 1
        takeover_times+=($((seen_ms - kill_ms)))
        start "$victim"
    done
    poison
}

kill_both() {
    local turn
    for ((turn = 1; turn <= pairs; turn++)); do
        wait_until 'leader and standby' find_both || return 1
        sleep_randomly 0 2000
        end_by_kill a
        end_by_kill b
        killed=$((killed + 2))
        start a
        start b
    done
    wait_until 'somebody leads' find_leader
}

end_leader() {
    local turn victim end_ms
    for ((turn = 1; turn <= handovers; turn++)); do
        wait_until 'leader and standby' find_both || return 1
        sleep_randomly 1000 2500
        victim=$leader
        now
        end_ms=$now_ms
        end_orderly "$victim" || return 1
        wait_until 'the standby leads' find_leader || return 1
        sleep 0.7
        handover_times+=("$(longest_gap $((end_ms - 500)))")
        start "$victim"
    done
}

# Frozen for longer than the group waits: the other one leads; woken, it must follow and not disturb.
freeze_leader() {
    wait_until 'leader and standby' find_both || return 1
    local victim=$leader heir=$standby freeze_ms
    sleep 0.5
    kill -STOP "${pid_of[$victim]}"
    now
    freeze_ms=$now_ms
    wait_until 'the standby takes over from a frozen one' visible_after $((freeze_ms + 300)) || return 1
    takeover_times+=($((seen_ms - freeze_ms)))
    sleep 1
    kill -CONT "${pid_of[$victim]}"
    wait_until 'the zombie finds out' grep -qE 'node: (the lead is lost|it is not known)' "${log_of[$victim]}" || return 1
    sleep 3
    runs "$victim" && ! leads "$victim" && leads "$heir"
}

kill_broker() {
    local turn back_ms
    for ((turn = 1; turn <= broker_kills; turn++)); do
        sleep_randomly 500 2000
        script/kafka kill "$port" 2>>"$work/broker.log"
        sleep_randomly 500 3000
        script/kafka start "$port" 2>>"$work/broker.log" || return 1
        now
        back_ms=$now_ms
        wait_until 'new outputs after the broker came back' visible_after "$back_ms" || return 1
        say "broker killed and started again; outputs $((seen_ms - back_ms)) ms after it answered"
    done
    poison
}

# One process a state directory: the second must refuse and say why.
same_directory() {
    local status=0
    wait_until 'somebody leads' find_leader || return 1
    timeout -k 1 20 "$weir" run "$config" --kafka "$brokers" --state "${state_of[$leader]}" \
        >"$work/second.out" 2>"$work/second.log" || status=$?
    say "a second process in the same directory: exit code $status: $(tail -n 1 "$work/second.log" | cut -c1-160)"
    ((status != 0 && status != 124 && status != 137)) && runs a && runs b
}

# The directory of b is a file system of its own.
mount_small() {
    mkdir -p "$work/small"
    ((EUID == 0)) && mount -t tmpfs -o "size=$small_size" tmpfs "$work/small" 2>>"$work/mount.log" || return 1
    mounted=$work/small
    state_of[b]=$work/small/state
}

has_failed_snapshot() {
    grep -qiE '(warning|error) snapshot|no space' "${log_of[b]}"
}

snapshots_of_b() {
    grep -c 'snapshot: published' "${log_of[b]}"
}

has_more_snapshots() { # THAN
    (($(snapshots_of_b) > $1))
}

# While it leads, with the disk full for a while.
fill_disk() {
    wait_until 'leader and standby' find_both || return 1
    if [[ $leader == a ]]; then
        end_orderly a || return 1
        wait_until 'b leads' leads b || return 1
        start a
    fi
    wait_until 'a snapshot' has_more_snapshots 0 || return 1
    dd if=/dev/zero of="$work/small/filler" bs=1M 2>/dev/null
    wait_until 'a snapshot fails' has_failed_snapshot || return 1
    now
    wait_until 'it decides without disk' visible_after "$now_ms" || return 1
    leads b || return 1
    rm "$work/small/filler"
    local before
    before=$(snapshots_of_b)
    wait_until 'snapshots succeed again' has_more_snapshots "$before" || return 1
    say "disk full: $(grep -iE '(warning|error) snapshot|no space' "${log_of[b]}" | head -n 1 | cut -c1-200)"
}

add_partitions() {
    script/kafka topics "$port" faults-transactions:6 >"$work/topics" || return 1
    local partition
    for partition in 4 5; do
        "$weir" simulate --count 1500 --seed $partition |
            sed "s/\"id\":\"t/\"id\":\"added-$partition-/; s/,\"fraud\":[a-z]*//" |
            kcat -P -b "$brokers" -t faults-transactions -p $partition 2>>"$work/kcat.log" || return 1
    done
    wait_until 'new partitions are read' new_partitions_read
}

new_partitions_read() {
    (($("$reader" "$brokers" --group weir-faults faults-transactions 2>>"$work/reader.log" |
        awk '$2 >= 4 && $3 == $4 && $3 > 0' | wc -l) == 2))
}

# ---- the end --------------------------------------------------------------------------------------

all_consumed() {
    "$reader" "$brokers" --group weir-faults faults-transactions faults-labels \
        >"$work/offsets" 2>>"$work/reader.log"
}

verify_journal() {
    "$reader" "$brokers" --dump "$journal" >"$work/journal" &&
        tests/kafka/journal.py "$work/offsets" <"$work/journal" >"$work/journal.json" 2>"$work/journal.log"
    local status=$?
    say "$(cat "$work/journal.json")"
    return $status
}

same_end() { # REPORT MEMBER OTHER MEMBER
    local first second
    first=$(member "$1" "$2")
    second=$(member "$3" "$4")
    say "$2: $first and $second"
    [[ -n $first && $first == "$second" ]]
}

replay() { # NAME [OPTION...]
    local name=$1
    shift
    "$weir" replay "$config" --journal --kafka "$brokers" --json "$@" >"$work/$name.json" 2>"$work/$name.log"
}

verify() {
    check "faults/both-still-run" wait_until 'leader and standby' find_both
    check "faults/everything-consumed" wait_until 'the group is at the ends' all_consumed
    wait_until 'a leader' find_leader
    if [[ -n $standby ]]; then
        check "faults/standby-ends" end_orderly "$standby"
        # The group shares out the journal anew when a member leaves: the leader may lose the lead for a
        # moment, and one that ends just then ends as a follower, with an entry that is not in the journal.
        sleep 3
        wait_until 'a leader' find_leader
    fi
    local last=${report_of[$leader]}
    check "faults/leader-ends" end_orderly "$leader"
    check "faults/offsets-are-the-ends" all_consumed
    check "faults/nothing-lost-twice-or-unknown" "$reader" "$brokers" --verify faults-transactions "${outputs[@]}"
    check "faults/all-sent" test "$(figure faults-transactions distinct)" -ge "$count"
    check "faults/journal-is-one-chain" verify_journal
    check "faults/journal-ends-where-the-leader-did" same_end "$last" journal.sequence "$work/journal.json" sequence
    check "faults/replay" replay replay
    check "faults/replay-comes-to-the-same-state" same_end "$last" state_hash "$work/replay.json" state_hash
    check "faults/replay-from-a-snapshot" replay from-snapshot --state "${state_of[$leader]}"
    check "faults/snapshot-leads-to-the-same-state" same_end "$last" state_hash "$work/from-snapshot.json" state_hash
}

find_reader
write_config
open_broker faults-transactions:4 faults-labels:4 faults-decisions:4 faults-alerts:1 faults-dead-letters:1 \
    faults-model-events:1
say "seed $seed (KAFKA_TEST_SEED=$seed repeats victims and times)"
begin=$SECONDS
"$reader" "$brokers" --follow faults-decisions >"$work/visible" 2>>"$work/reader.log" &
pid_of[follower]=$!
"$weir" simulate --count "$count" --seed 11 --rate "$rate" --kafka "$brokers" --topic faults-transactions \
    --labels-topic faults-labels 2>"$work/simulator.log" &
pid_of[simulator]=$!
start a
check faults/begins wait_until 'the first output' visible_after 0
fault killed-and-restarted kill_and_restart
small=yes
mount_small || small=no
start b
fault leader-killed kill_leader
fault both-killed kill_both
fault leader-ended end_leader
fault leader-frozen freeze_leader
fault broker-killed kill_broker
fault same-directory same_directory
if [[ $small == yes ]]; then
    fault disk-full fill_disk
else
    echo "skip faults/disk-full: a small file system needs root and the right to mount"
fi
fault partitions-added add_partitions
runs simulator && say 'all faults happened while transactions came'
check faults/simulator-ends reap simulator
! runs trickle || reap trickle
verify
say "$count transactions and $poisoned that cannot be decoded, $starts starts, $killed kills of processes," \
    "$broker_kills of the broker, $((SECONDS - begin)) s"
print_times 'from restart after kill -9 to the first new visible output' "${restart_times[@]}"
print_times 'from kill -9 (or SIGSTOP) of the leader to the first output of the standby' "${takeover_times[@]}"
print_times 'longest pause of outputs when the leader ends by SIGTERM' "${handover_times[@]}"
summary
