#!/bin/bash
# The whole program on small and on generated streams: what it decides, that nothing depends on how it is
# run, and what it says to mistakes.  Prints `ok NAME` or `not ok NAME`, one line a test.
#
#   tests/golden/run.sh             against build/release/weir (WEIR=PROGRAM for another)
#   tests/golden/run.sh --accept    writes what it decides now as what is expected
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
weir=${WEIR:-build/release/weir}
accept=${1:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ok() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        echo "ok $name"
    else
        sed 's/^/    /' "$work/log"
        echo "not ok $name"
    fi
}

# Compares with the expected file, or writes it.
expected() { # FILE ACTUAL
    if [[ $accept == --accept ]]; then
        cp "$2" "$1"
    else
        diff -u "$1" "$2"
    fi
}

state_hash() { # REPORT
    sed -n 's/.*"state_hash": "\([0-9a-f]*\)".*/\1/p' "$1"
}

# --- one small pipeline, checked by hand -----------------------------------------------------------
first=tests/golden/first
"$weir" replay $first/pipeline.json $first/events.jsonl --decisions "$work/decisions" \
    --alerts "$work/alerts" --dead-letters "$work/dead" --features "$work/features" --json \
    >"$work/report" 2>"$work/errors"
ok first/exit-code test $? -eq 0
for what in decisions alerts dead features; do
    ok first/$what expected $first/expected.$what "$work/$what"
done
ok first/masked bash -c "! grep -q 4000123412341234 $work/alerts $work/decisions $work/dead"

# --- logins: impossible travel, bursts of failures --------------------------------------------------
security=tests/golden/security
"$weir" replay configs/security.json $security/events.jsonl --decisions "$work/decisions" \
    --dead-letters "$work/dead" --features "$work/features" --json >"$work/report" 2>"$work/errors"
ok security/exit-code test $? -eq 0
for what in decisions dead features; do
    ok security/$what expected $security/expected.$what "$work/$what"
done

# --- texts, lists, clocks and durations in formulas -------------------------------------------------
language=tests/golden/language
"$weir" replay $language/pipeline.json $language/events.jsonl --decisions "$work/decisions" \
    --features "$work/features" --json >"$work/report" 2>"$work/errors"
ok language/exit-code test $? -eq 0
for what in decisions features; do
    ok language/$what expected $language/expected.$what "$work/$what"
done
for batch in 1 2; do
    "$weir" replay $language/pipeline.json $language/events.jsonl --batch $batch \
        --features "$work/features.$batch" --json >"$work/report.$batch" 2>"$work/errors"
    ok "language/same-features-in-batches-of-$batch" cmp "$work/features" "$work/features.$batch"
done

# --- a table of fields and classes, tested, then taught ------------------------------------------------
evaluate=tests/golden/evaluate
for batch in 256 1; do
    "$weir" replay $evaluate/pipeline.json $evaluate/events.csv --batch $batch --scores "$work/scores" \
        --features "$work/features" >"$work/report" 2>"$work/errors"
    ok evaluate/exit-code-$batch test $? -eq 0
    grep -v '^events\|latency\|state hash' "$work/report" >"$work/figures"
    for what in scores features figures; do
        ok evaluate/$what-$batch expected $evaluate/expected.$what "$work/$what"
    done
done
"$weir" replay $evaluate/pipeline.json $evaluate/events.csv --from 1970-01-02 >"$work/report" 2>"$work/errors"
ok evaluate/no-times bash -c "test $? -eq 2 && grep -q 'these events have no time' $work/errors"
{ cat $evaluate/events.csv; echo "1,none,9"; } >"$work/more.csv"
"$weir" replay $evaluate/pipeline.json "$work/more.csv" >"$work/report" 2>"$work/errors"
ok evaluate/dead-letters bash -c "grep -q 'could not be read, .*: 2; --dead-letters FILE says why' $work/errors"

# --- who has not spoken -----------------------------------------------------------------------------
silence=tests/golden/silence
for batch in 256 1; do
    "$weir" replay $silence/pipeline.json $silence/events.jsonl control:$silence/requests.jsonl \
        $silence/after.jsonl --batch $batch --alerts "$work/alerts.$batch" --json \
        >"$work/report.$batch" 2>"$work/errors"
    ok "silence/alerts-in-batches-of-$batch" expected $silence/expected.alerts "$work/alerts.$batch"
done
ok silence/same-state test "$(state_hash "$work/report.256")" = "$(state_hash "$work/report.1")"

# --- entities that are erased, that expire, events that come too late ---------------------------------
entities=tests/golden/entities
for batch in 256 1; do
    "$weir" replay $entities/pipeline.json $entities/before.jsonl control:$entities/requests.jsonl \
        $entities/after.jsonl --batch $batch --decisions "$work/decisions" --late "$work/late" \
        --dead-letters "$work/dead" --model-events "$work/models" --features "$work/features" --json \
        >"$work/report" 2>"$work/errors"
    ok entities/exit-code-$batch test $? -eq 0
    sed -i "s|\"$entities/|\"|" "$work/dead"
    for what in decisions late dead models features; do
        ok entities/$what-$batch expected $entities/expected.$what "$work/$what"
    done
done
ok entities/masked bash -c "! grep -q 4929000 $work/decisions $work/late $work/dead $work/models"
ok entities/counted bash -c "grep -c '\"erased\": 1,\|\"erased\": 2$' $work/report | grep -qx 3"
for question in "" "--entities 1000 --events 50"; do
    # shellcheck disable=SC2086 # words
    "$weir" explain $entities/pipeline.json $question
done >"$work/explained" 2>&1
ok entities/explained expected $entities/expected.explained "$work/explained"
"$weir" explain $entities/pipeline.json --entities "card=5,nobody=7" >"$work/explained" 2>&1
ok entities/explain-refuses bash -c "test $? -eq 2 && grep -q 'found .card=5,nobody=7.; kinds of entities: ' $work/explained"
ok entities/explain-json bash -c "$weir explain $entities/pipeline.json --json | python3 -m json.tool >/dev/null"
"$weir" lint $entities/pipeline.json | sed 1d >"$work/rooms"
ok entities/rooms expected $entities/expected.rooms "$work/rooms"

# --- the same bytes, twice and in batches of any size ----------------------------------------------
"$weir" simulate --count 30000 --seed 3 --drift-at 0.5 >"$work/stream.jsonl"
for run in 256 256-again 7 1; do
    "$weir" replay configs/payments.json "$work/stream.jsonl" --batch "${run%-again}" \
        --decisions "$work/decisions.$run" --model-events "$work/models.$run" --json \
        >"$work/report.$run" 2>"$work/errors.$run"
    ok "batches/$run-runs" test $? -eq 0
done
for run in 256-again 7 1; do
    ok "batches/$run-same-decisions" cmp "$work/decisions.256" "$work/decisions.$run"
    ok "batches/$run-same-model-events" cmp "$work/models.256" "$work/models.$run"
    ok "batches/$run-same-state" test "$(state_hash "$work/report.256")" = "$(state_hash "$work/report.$run")"
done
ok batches/every-event-decided test "$(wc -l <"$work/decisions.256")" -eq 30000

# --- a thousand malformed messages among a hundred thousand ----------------------------------------
"$weir" simulate --count 100000 --seed 5 >"$work/good.jsonl"
awk 'BEGIN { split("|{|[1,2]|{\"id\":|null|{\"id\":\"x\",\"time\":\"never\"}|\"text\"|{}|\377\376|{\"a\":1}}", bad, "|") }
     { print } NR % 100 == 0 { print (NR / 100) % 10 == 0 ? "{\"id\":\"x\"" : bad[(NR / 100) % 10 + 1] "!" }' \
    "$work/good.jsonl" >"$work/mixed.jsonl"
ok malformed/there-are-1000 test "$(wc -l <"$work/mixed.jsonl")" -eq 101000
for what in good mixed; do
    "$weir" replay configs/payments.json "$work/$what.jsonl" --decisions "$work/decisions.$what" \
        --dead-letters "$work/dead.$what" --json >"$work/report.$what" 2>"$work/errors"
done
ok malformed/exactly-1000-dead test "$(wc -l <"$work/dead.mixed")" -eq 1000
ok malformed/none-without test "$(wc -l <"$work/dead.good")" -eq 0
ok malformed/each-with-a-reason bash -c "! grep -vq '\"reason\":\"..*\"' $work/dead.mixed"
ok malformed/nothing-else-changes cmp "$work/decisions.good" "$work/decisions.mixed"

# --- everything else that may come in wrong ---------------------------------------------------------
. tests/golden/bad_input/check.sh

# --- what it says to mistakes ----------------------------------------------------------------------
exit_code() { # CODE COMMAND...
    local code=$1
    shift
    "$@"
    local got=$?
    [[ $got -eq $code ]] || { echo "exit code $got, expected $code"; return 1; }
}
for config in configs/*.json; do
    ok "configs/$(basename "$config" .json)" "$weir" lint "$config"
done
echo '{"name": "x", "evnts": {}}' >"$work/bad.json"
ok commands/lint-finds exit_code 1 "$weir" lint "$work/bad.json"
ok commands/run-refuses exit_code 2 "$weir" run "$work/bad.json"
ok commands/located bash -c "$weir lint $work/bad.json 2>&1 | grep -q 'bad.json:1:15: evnts: .*events'"
cat >"$work/formula.json" <<'END'
{"name": "x", "events": {"source": "simulator", "fields": {"time": "time", "amount": "number"}},
 "features": {"f": "1 + amonut * 2"}}
END
cat >"$work/formula.said" <<END
$work/formula.json:2:25: features.f: unknown name 'amonut'; did you mean 'amount'?
    1 + amonut * 2
        ^
END
"$weir" lint "$work/formula.json" >"$work/formula.lint" 2>&1
"$weir" replay "$work/formula.json" "$work/stream.jsonl" >"$work/formula.replay" 2>&1
for command in lint replay; do
    ok "commands/caret-in-$command" diff "$work/formula.said" "$work/formula.$command"
done
ok commands/json-formula bash -c "$weir lint --json $work/formula.json | grep -q '\"formula_column\": 5'"
ok commands/list-grammar bash -c "$weir list grammar | grep -q '^  formula    = and'"
ok commands/list-one-kind bash -c "! $weir list sinks | grep -q formula"
ok commands/unknown exit_code 2 "$weir" rn
ok commands/no-file exit_code 1 "$weir" replay configs/payments.json "$work/none.jsonl"
for command in run replay simulate train lint explain list tail version; do
    ok "help/$command" bash -c "$weir $command --help | grep -q 'weir $command'"
done

# --- what is written down is what the program says -------------------------------------------------
"$weir" list >"$work/reference"
ok documents/reference expected docs/reference.txt "$work/reference"
cat >"$work/steps.json" <<END
{"name": "steps", "labels": {"event_field": "fraud", "delay": "7d"}, "events": {"source": "simulator", "fields": {
  "id": "id", "time": "time", "card": "key", "merchant": "key", "device": {"type": "key", "optional": true},
  "amount": "number", "country": "text", "lat": "latitude", "lon": "longitude",
  "status": {"type": "enum", "values": ["approved", "declined"]}}},
 "features": {
$(awk '/^### Step by step/ { on = 1 } /^```$/ { on = block = 0 } block { sub(" *//.*", ""); print }
    on && /^```jsonc/ { block = 1 }' docs/configuration.md)
}}
END
ok documents/steps "$weir" lint "$work/steps.json"
# The table of aggregates: the last cell of each line.
cat >"$work/aggregates.json" <<END
{"name": "aggregates", "events": {"source": "simulator", "fields": {
  "id": "id", "time": "time", "card": "key", "merchant": "key", "device": "key", "ip": "key", "amount": "number",
  "country": "text", "lat": "latitude", "lon": "longitude", "declined": "boolean"}},
 "features": {
$(awk -F'`' '/^\| Aggregate \| What it says/ { on = 1 } /^$/ { on = 0 } on && NF > 3 && $(NF - 1) ~ / by / \
    { printf "%s\"f%d\": \"%s\"", n ? ",\n" : "", n++, $(NF - 1) }' docs/configuration.md)
}}
END
ok documents/aggregates "$weir" lint "$work/aggregates.json"
ok documents/all-aggregates test "$(grep -c '"f[0-9]*":' "$work/aggregates.json")" -ge 24
awk -v work="$work" '/^```json$/ { on = 1; n++; next } /^```/ { on = 0 } on { print >(work "/whole." n ".json") }' \
    docs/configuration.md
for example in "$work"/whole.[0-9]*.json; do
    ok "documents/whole-example-$(basename "$example" .json)" "$weir" lint "$example"
done
awk '/^```json/ { on = 1; next } /^```/ { on = 0 } on' README.md >"$work/readme.json"
ok documents/readme-example "$weir" lint "$work/readme.json"
awk -v work="$work" '/^```json$/ { on = 1; n++; next } /^```/ { on = 0 } on { print >(work "/models." n ".json") }' \
    docs/models.md
for example in "$work"/models.[0-9]*.json; do
    ok "documents/models-example-$(basename "$example" .json)" "$weir" lint "$example"
done
exit 0
