#!/bin/bash
# What brokers delete, against a real Kafka: the oldest of an input or of the journal, or all of a topic.  Who has
# a snapshot that is new enough goes on; who needs what is gone refuses and says what to do, and that works.  Prints
# `ok NAME` or `not ok NAME`, one line a test.
#
#   tests/kafka/retention.sh        against build/release/weir (WEIR=PROGRAM for another)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=tests/kafka/common.sh
. tests/kafka/common.sh
deadline_s=60
sent=0
journal=weir-retention-test-journal

start_weir() { # STATE [OPTION...]
    local state=$1
    shift
    : >"$work/weir.log"
    "$weir" run "$work/pipeline.json" --kafka "$brokers" --state "$work/$state" --json "$@" \
        >"$work/report.json" 2>"$work/weir.log" &
    pid_of[weir]=$!
}

produce() { # COUNT
    seq $((sent + 1)) $((sent + $1)) |
        awk '{ printf "{\"id\":\"%d\",\"time\":%d,\"till\":\"till-%d\",\"amount\":%d}\n", $1, $1 * 10, $1 % 100, $1 % 977 }' |
        kcat -P -b "$brokers" -t retention-in -p 0 2>>"$work/kcat.log"
    sent=$((sent + $1))
}

decided() { # COUNT
    [[ $(figure retention-decisions distinct) == "$1" ]]
}

goes_on() { # STATE [OPTION...]; decides 500 more, and ends
    local before
    before=$(figure retention-decisions distinct)
    start_weir "$@"
    produce 500
    wait_until 'everything is decided' decided $((before + 500)) && end_orderly weir
}

refuses() { # STATE WORDS
    local status=0
    timeout -k 1 40 "$weir" run "$work/pipeline.json" --kafka "$brokers" --state "$work/$1" \
        >"$work/refused.out" 2>"$work/refused.log" || status=$?
    say "exit code $status: $(tail -n 1 "$work/refused.log" | cut -d' ' -f2- | cut -c1-250)"
    ((status == 1)) && tail -n 1 "$work/refused.log" | grep -qF "$2"
}

cut_before() { # TOPIC OFFSET
    script/kafka cut "$port" "$1:0:$2"
}

reset_group() {
    java -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "build/kafka/jars-$(sed -n 's/^version=//p' \
        script/kafka)/*" org.apache.kafka.tools.consumer.group.ConsumerGroupCommand --bootstrap-server "$brokers" \
        --group weir-retention-test --topic retention-in --reset-offsets --to-earliest --execute \
        >"$work/reset.log" 2>&1
}

cat >"$work/pipeline.json" <<'JSON'
{
  "name": "retention-test",
  "memory": "32MiB",
  "commit": "20ms",
  "commit_records": 50,
  "state": {"every": "1h"},
  "events": {
    "source": "kafka", "topic": "retention-in",
    "fields": {"id": "id", "time": {"type": "time", "unit": "ms"}, "till": "key", "amount": "number"}
  },
  "features": {"spent": "sum(amount) by till over 1m"},
  "outputs": {"decisions": {"sink": "kafka", "topic": "retention-decisions"}}
}
JSON

find_reader
open_broker retention-in:1 retention-decisions:1
check retention/begins goes_on state
check retention/and-again goes_on state

# --- the oldest of an input ----------------------------------------------------------------------------
cut_before retention-in 300
check retention/input-cut-before-the-snapshot goes_on state
check retention/input-cut-without-a-snapshot refuses empty 'an input does not hold the records any more that it names'

# --- the oldest of the journal ---------------------------------------------------------------------------
cut_before "$journal" 2
check retention/journal-cut-before-the-snapshot goes_on state
check retention/journal-cut-without-a-snapshot refuses empty 'its first entries are gone, and no usable snapshot'
check retention/cold-start-goes-on goes_on empty --cold-start
check retention/behind-a-cold-start-without-a-state goes_on fresh
check retention/behind-a-cold-start-with-an-old-state goes_on state

# --- records that were not decided yet -------------------------------------------------------------------
cp -r "$work/state" "$work/old"
produce 200
lost=$sent
cut_before retention-in "$lost"
check retention/undecided-records-lost refuses state 'to accept the loss reset the group'
reset_group
check retention/accepted goes_on state --cold-start

# --- topics that were made anew ----------------------------------------------------------------------------
script/kafka drop "$port" "$journal"
sleep 1
check retention/journal-made-anew refuses state 'it was made anew or has lost records; `weir run --cold-start`'
check retention/journal-made-anew-without-a-state refuses fresher 'has read the inputs before, but the journal'
check retention/a-new-journal goes_on state --cold-start
script/kafka drop "$port" retention-in
sleep 1
script/kafka topics "$port" retention-in:1 >"$work/topics"
produce 10
check retention/input-made-anew refuses state 'or the topic was made anew): to accept the loss reset the group'
say "$sent events"
summary
