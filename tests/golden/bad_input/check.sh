# Bad input and bad times: every row of the tables beside this file ends as it says there, and the good
# events between them never notice.  Read by ../run.sh, which gives ok, expected, state_hash, $weir, $work.
#
#   records.table   how a record ends; the records lie in records/, the large ones are made by large.sh
#   times.table     what a stream of time/ shows; what is expected of it lies beside it
bad=tests/golden/bad_input
# shellcheck source=/dev/null
. $bad/large.sh
mkdir -p "$work/bad"

# The rows of a table, cut at the bars.
bad_table() { # FILE
    sed -e '/^#/d' -e '/^ *$/d' -e 's/ *| */|/g' "$1"
}

# Good events, a minute apart: three cards, amounts and labels that the model can learn from.
bad_good() { # COUNT
    awk -v count="$1" 'BEGIN {
        for (i = 0; i < count; i++)
            printf("{\"id\":\"good %d\",\"time\":%d,\"card\":\"%d\",\"amount\":%d,\"fraud\":%s}\n", i,
                   1709290000 + 60 * i, i % 3, i * 37 % 500, (i * 37 % 500 > 400 ? "true" : "false"))
    }'
}

bad_record() { # NAME
    if [[ -e $bad/records/$1 ]]; then
        cat "$bad/records/$1"
    else
        large "$1"
        echo
    fi
}

bad_replay() { # NAME CONFIG FILE FLAG...
    local name=$1 config=$2 file=$3
    shift 3
    "$weir" replay "$config" "$file" --decisions "$work/bad/$name.decisions" \
        --dead-letters "$work/bad/$name.dead" --features "$work/bad/$name.features" --json "$@" \
        >"$work/bad/$name.report" 2>"$work/bad/$name.errors"
    ok "bad_input/$name-exit-code" test $? -eq 0
}

bad_same_state() { # NAME
    local state
    state=$(state_hash "$work/bad/mixed.report")
    [[ -n $state && $state == "$(state_hash "$work/bad/$1.report")" ]]
}

# --- each record ends as its row says ------------------------------------------------------------------
# Line 2n of the stream is the record of row n; all others are good.
bad_names=$(bad_table $bad/records.table | cut -d'|' -f1)
bad_good $(($(wc -l <<<"$bad_names") + 200)) >"$work/bad/good"
{
    for name in $bad_names; do
        IFS= read -r line
        printf '%s\n' "$line"
        bad_record "$name"
    done
    cat
} <"$work/bad/good" >"$work/bad/mixed"
bad_replay good $bad/pipeline.json "$work/bad/good"
bad_replay mixed $bad/pipeline.json "$work/bad/mixed"
bad_replay mixed-alone $bad/pipeline.json "$work/bad/mixed" --batch 1

# NAME|dead|REASON|ID and NAME|decided|FEATURES|NAME of all records, in the table's order.
bad_ends() {
    local letter='s/^.*"offset":\([0-9]*\),"size":[0-9]*\(,"id":"\(.*\)"\)\{0,1\},"reason":"\(.*\)"}$/\1|\4|\3/p'
    awk -F'|' -v OFS='|' 'FILENAME == ARGV[1] { dead[$1] = $2 "|" ($3 == "" ? "-" : $3); next }
        FILENAME == ARGV[2] { at = index($0, ","); seen[substr($0, 1, at - 1)] = substr($0, at + 1); next }
        { print $0, 2 * FNR in dead ? "dead|" dead[2 * FNR] : "decided|" seen[$0] "|" $0 }' \
        <(sed -n "$letter" "$work/bad/mixed.dead") "$work/bad/mixed.features" <(echo "$bad_names")
}
bad_ends >"$work/bad/ends"
while IFS= read -r row; do
    name=${row%%|*}
    ok "bad_input/$name" diff <(cut -d'|' -f1-4 <<<"$row") <(grep -F "$name|" "$work/bad/ends" | grep "^$name|")
done < <(bad_table $bad/records.table)

bad_dead=$(bad_table $bad/records.table | grep -c '|dead|')
ok bad_input/nothing-else-is-dead test "$(wc -l <"$work/bad/mixed.dead")" -eq "$bad_dead"
ok bad_input/none-without test "$(wc -l <"$work/bad/good.dead")" -eq 0
ok bad_input/good-decisions-are-the-same cmp "$work/bad/good.decisions" \
    <(grep '^{"id":"good ' "$work/bad/mixed.decisions")
ok bad_input/good-features-are-the-same cmp <(tail -n +2 "$work/bad/good.features") \
    <(grep '^good ' "$work/bad/mixed.features")
for what in decisions dead features; do
    ok "bad_input/one-by-one-same-$what" cmp "$work/bad/mixed.$what" "$work/bad/mixed-alone.$what"
done
ok bad_input/one-by-one-same-state bad_same_state mixed-alone
ok bad_input/letters-are-json python3 -c 'import json, sys
for line in open(sys.argv[1], "rb"):
    json.loads(line.decode("utf-8"))' "$work/bad/mixed.dead"

# --- memory does not grow with what is refused -----------------------------------------------------------
# The most kilobytes that a replay held in memory.
bad_memory() { # FILE
    python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$weir" replay $bad/pipeline.json "$1"
}
bad_bounded() { # FILE
    local alone with
    alone=$(bad_memory "$work/bad/good") && with=$(bad_memory "$1") || return 1
    echo "$with KiB, without the bad ones $alone KiB"
    [[ $with -lt $((alone + 16384)) ]]
}
for name in brackets_open string_250_kilobytes string_10_megabytes keys_20_thousand keys_100_thousand; do
    bad_record "$name" >"$work/bad/one"
    {
        for ((i = 0; i < 20; i++)); do cat "$work/bad/one"; done
        cat "$work/bad/good"
    } >"$work/bad/twenty"
    ok "bad_input/memory-of-20-$name" bad_bounded "$work/bad/twenty"
done
{
    repeat 100000000 x
    echo
    cat "$work/bad/good"
} | gzip -1 >"$work/bad/bomb.gz"
ok bad_input/memory-of-a-bomb bad_bounded "$work/bad/bomb.gz"

# --- times ----------------------------------------------------------------------------------------------
# What a replay of a stream shows: features, decisions, the reasons of dead letters, counts.
bad_time() { # NAME
    local unit
    case $1 in
    unit_milliseconds) unit=ms ;;
    unit_microseconds) unit=us ;;
    *) unit=s ;;
    esac
    sed "s/\"time\": \"time\"/\"time\": {\"type\": \"time\", \"unit\": \"$unit\"}/" $bad/pipeline.json \
        >"$work/bad/pipeline.json"
    bad_replay "$1" "$work/bad/pipeline.json" "$bad/time/$1"
    {
        cut -d, -f1,2,8- "$work/bad/$1.features"
        sed 's/.*"id":\("[^"]*"\),"time":\("[^"]*"\),"outcome":\("[^"]*"\),"score":\([^,}]*\).*/decided \1 \2 \3 \4/' \
            "$work/bad/$1.decisions"
        sed 's/.*"offset":\([0-9]*\),.*"reason":/dead line \1: /; s/}$//' "$work/bad/$1.dead"
        grep -E '"(late|matured|events|dead_letters)": ' "$work/bad/$1.report" | sed 's/^ *//; s/,$//'
    } >"$work/bad/$1.shown"
    ok "bad_input/time/$1" expected "$bad/time/$1.expected" "$work/bad/$1.shown"
}
for name in $(bad_table $bad/times.table | cut -d'|' -f2); do
    bad_time "$name"
done
ok bad_input/time/out_of_order-is-in_order cmp <(tail -n 1 "$work/bad/in_order.features") \
    <(tail -n 1 "$work/bad/out_of_order.features")

# A wall clock that jumps an hour forth and back changes nothing: time is in the records.
if cc -shared -fPIC -D_GNU_SOURCE -o "$work/bad/clock.so" $bad/clock.c 2>"$work/bad/clock.errors"; then
    LD_PRELOAD=$work/bad/clock.so ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 \
        bad_replay clock-jumps $bad/pipeline.json "$work/bad/mixed"
    for what in decisions dead features; do
        ok "bad_input/clock-jumps-same-$what" cmp "$work/bad/mixed.$what" "$work/bad/clock-jumps.$what"
    done
    ok bad_input/clock-jumps-same-state bad_same_state clock-jumps
else
    echo 'skip bad_input/clock-jumps there is no C compiler'
fi
