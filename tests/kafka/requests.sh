#!/bin/bash
# Requests on a control topic, late events and expiry against a real Kafka: the golden test's events and
# requests (tests/golden/entities) through topics, with a kill behind the requests.  What comes out is what
# the replay of the files says.  Prints `ok NAME` or `not ok NAME`, one line a test.
#
#   tests/kafka/requests.sh         against build/release/weir (WEIR=PROGRAM for another)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=tests/kafka/common.sh
. tests/kafka/common.sh
golden=tests/golden/entities

produce() { # TOPIC FILE
    kcat -P -b "$brokers" -t "$1" -l "$2" 2>>"$work/kcat.log"
}

# What a read_committed reader sees, in the order of the topic's only partition.
consume() { # TOPIC
    kcat -C -b "$brokers" -t "$1" -o beginning -e -q -X isolation.level=read_committed 2>>"$work/kcat.log"
}

has_lines() { # TOPIC COUNT
    (($(consume "$1" | wc -l) >= $2))
}

same() { # FILE TOPIC
    consume "$2" | diff -u "$1" -
}

start_weir() {
    "$weir" run "$work/pipeline.json" --kafka "$brokers" --state "$work/state" --json \
        >"$work/report.json" 2>>"$work/weir.log" &
    pid_of[weir]=$!
}

python3 - $golden/pipeline.json "$work/pipeline.json" <<'PYTHON'
import json, sys
config = json.load(open(sys.argv[1]))
config["name"] = "requests-test"
config["events"]["topic"] = "requests-in"
config["control"]["topic"] = "requests-control"
for stream in "decisions", "late", "model_events", "dead_letters":
    config["outputs"][stream] = {"sink": "kafka", "topic": "requests-" + stream}
json.dump(config, open(sys.argv[2], "w"))
PYTHON

open_broker requests-in:1 requests-control:1 requests-decisions:1 requests-late:1 requests-model_events:1 \
    requests-dead_letters:1
start_weir
produce requests-in $golden/before.jsonl
check requests/before wait_until 'the first events are decided' has_lines requests-decisions 6
produce requests-control $golden/requests.jsonl
check requests/answered wait_until 'requests are answered' has_lines requests-model_events 3
check requests/refused wait_until 'nonsense is refused' has_lines requests-dead_letters 3
end_by_kill weir
produce requests-in $golden/after.jsonl
start_weir
check requests/after wait_until 'the last events are decided' has_lines requests-decisions 12
check requests/orderly-end end_orderly weir
check requests/decisions same $golden/expected.decisions requests-decisions
check requests/late same $golden/expected.late requests-late
check requests/model-events same $golden/expected.models requests-model_events
check requests/counted test "$(member "$work/report.json" requests.erased)" = 2
check requests/masked bash -c "! grep -q 4929000 $work/weir.log"
check requests/partition test "$(member "$work/report.json" watermark.newest)" = 2024-03-02T10:02:02.000Z
check requests/journal-replays "$weir" replay "$work/pipeline.json" --journal --kafka "$brokers"
summary
