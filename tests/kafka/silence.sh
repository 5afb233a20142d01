#!/bin/bash
# Silence on an idle stream against a real Kafka: events stop, and the alerts come all the same; once, also
# behind a kill; and the journal folds to the same bytes.  Prints `ok NAME` or `not ok NAME`, one line a test.
#
#   tests/kafka/silence.sh          against build/release/weir (WEIR=PROGRAM for another)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=tests/kafka/common.sh
. tests/kafka/common.sh

alerts() {
    kcat -C -b "$brokers" -t silence-alerts -o beginning -e -q -X isolation.level=read_committed \
        2>>"$work/kcat.log"
}

told() { # COUNT
    (($(alerts | wc -l) >= $1))
}

# One event a till, now.
produce() { # FIRST LAST
    local till
    for ((till = $1; till <= $2; till++)); do
        echo "{\"id\":\"$till-$SECONDS\",\"time\":$(date +%s%3N),\"till\":\"till-$till\"}"
    done | kcat -P -b "$brokers" -t silence-in 2>>"$work/kcat.log"
}

start_weir() {
    "$weir" run "$work/pipeline.json" --kafka "$brokers" --state "$work/state" --json \
        >"$work/report.json" 2>>"$work/weir.log" &
    pid_of[weir]=$!
}

cat >"$work/pipeline.json" <<'JSON'
{
  "name": "silence-test",
  "memory": "32MiB",
  "events": {
    "source": "kafka", "topic": "silence-in", "idle_after": "1s",
    "fields": {"id": "id", "time": {"type": "time", "unit": "ms"}, "till": "key"}
  },
  "features": {"back": "silence(3s) by till"},
  "outputs": {
    "decisions": {"sink": "kafka", "topic": "silence-decisions"},
    "alerts": {"sink": "kafka", "topic": "silence-alerts"}
  }
}
JSON

open_broker silence-in:2 silence-decisions:1 silence-alerts:1
start_weir
produce 1 10
deadline_s=20
check silence/told wait_until 'ten tills are silent' told 10
sleep 3
check silence/once test "$(alerts | sort -u | wc -l)/$(alerts | wc -l)" = 10/10
entries=$(kcat -C -b "$brokers" -t weir-silence-test-journal -o beginning -e -q -f '%o\n' 2>>"$work/kcat.log" | wc -l)
sleep 3
check silence/idle-journal test "$entries" = \
    "$(kcat -C -b "$brokers" -t weir-silence-test-journal -o beginning -e -q -f '%o\n' 2>>"$work/kcat.log" | wc -l)"
produce 1 2
end_by_kill weir
deadline_s=180
start_weir
check silence/behind-a-kill wait_until 'two are silent again' told 12
check silence/orderly-end end_orderly weir
check silence/counted test "$(alerts | grep -c '"entity":"till-[12]"')" = 4
check silence/journal-replays "$weir" replay "$work/pipeline.json" --journal --kafka "$brokers"
summary
