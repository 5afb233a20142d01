#!/bin/bash
# Simulated worlds of the real engine: none may be violated, and each planted bug must be found.
#
#   run.sh            some hundred seeds (about 20 s)
#   run.sh --long     10,000 seeds; each kind of fault must have happened
#
# WEIR_SIMULATION_SEEDS=FROM..TO   other seeds
# WEIR names the program under test; `simulation` lies beside it in the build folder.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2

program=$(dirname "${WEIR:-build/release/weir}")/tests/simulation
seeds=${WEIR_SIMULATION_SEEDS:-1..400}
[[ ${1:-} != --long ]] || seeds=${WEIR_SIMULATION_SEEDS:-1..10000}
jobs=$(nproc)
status=0

if "$program" --seeds "$seeds" --jobs "$jobs"; then
    echo "ok seeds $seeds"
else
    echo "not ok seeds $seeds"
    status=1
fi
# A world that is violated ends the search; which one depends on the seed alone, not on the jobs.
for plant in commit-before-acknowledge snapshot-ahead lost-label double-learn replay-with-output keep-epoch; do
    found=$("$program" --seeds 1..1000 --jobs 1 --plant "$plant")
    if grep -q '^VIOLATION in seed [0-9]*: ' <<<"$found"; then
        grep '^VIOLATION in seed ' <<<"$found"
        echo "ok planted $plant is found"
    else
        echo "not ok planted $plant is found"
        status=1
    fi
done
exit $status
