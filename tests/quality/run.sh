#!/bin/bash
# How good the decisions are on public data: bounds that a worse model or a wrong feature misses.  Prints
# `ok NAME`, `not ok NAME` or `skip NAME: why`, one line a test, and the figures between them.
#
#   WEIR_DATA=FOLDER tests/quality/run.sh     against build/release/weir (WEIR=PROGRAM for another)
#
# FOLDER/river/{bananas,elec2,phishing}.csv.gz   the sets of configs/README.md, in River's order
# FOLDER/handbook/transactions.csv.gz   the Fraud Detection Handbook's simulated card transactions, days in
#                                       order, as one CSV with the Handbook's columns (see handbook.py)
#   FOLDER/nab/                         the Numenta Anomaly Benchmark: windows.json, data/GROUP/FILE.csv.gz
set -uo pipefail
if [[ -z ${WEIR_DATA:-} ]]; then
    echo 'needs public data sets: set WEIR_DATA to their folder'
    exit 77
fi
data=$(realpath -m "$WEIR_DATA")
cd "$(dirname "$0")/../.." || exit 2
weir=${WEIR:-build/release/weir}
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

# A figure that is absent or no number is too low.
at_least() { # BOUND FIGURE
    awk -v bound="$1" -v figure="$2" 'BEGIN { exit !(figure ~ /^[0-9.]+$/ && figure + 0 >= bound + 0) }' ||
        { echo "found '$2', expected at least $1"; return 1; }
}

figure() { # NAME FILE
    sed -n "s/.* $1 \([0-9.]*\).*/\1/p" "$2"
}

show() { # FILE
    sed 's/^/    /' "$1"
}

# --- the Handbook: its week of tests, and its features to the last digit ---------------------------
handbook() {
    local transactions=$data/handbook/transactions.csv.gz judge=tests/quality/handbook.py status
    if [[ ! -e $transactions ]]; then
        echo "skip handbook: there is no $transactions"
        return
    fi
    "$weir" replay configs/handbook.json "$transactions" --to 2018-08-14 --scores "$work/scores.csv" \
        --features "$work/features.csv" >"$work/replay" 2>&1
    status=$?
    show "$work/replay"
    ok handbook/replay test $status -eq 0
    python3 "$judge" scores "$work/scores.csv" "$transactions" --from 2018-08-08 --to 2018-08-14 \
        >"$work/scores" 2>&1
    show "$work/scores"
    ok handbook/auc at_least 0.86 "$(figure AUC "$work/scores")"
    ok handbook/average-precision at_least 0.60 "$(figure AP "$work/scores")"
    python3 "$judge" features "$work/features.csv" "$transactions" >"$work/compared" 2>&1
    status=$?
    show "$work/compared"
    ok handbook/features-as-published test $status -eq 0
}

# --- the same with windows of our own, over four weeks ----------------------------------------------
handbook_windows() {
    local transactions=$data/handbook/transactions.csv.gz status
    [[ -e $transactions ]] || return 0
    "$weir" replay configs/handbook_windows.json "$transactions" --scores "$work/scores.csv" >"$work/replay" 2>&1
    status=$?
    show "$work/replay"
    ok handbook-windows/replay test $status -eq 0
    python3 tests/quality/handbook.py scores "$work/scores.csv" "$transactions" --from 2018-08-08 \
        --to 2018-09-04 >"$work/scores" 2>&1
    show "$work/scores"
    grep '^mean' "$work/scores" >"$work/mean"
    ok handbook-windows/average-precision at_least 0.73 "$(figure AP "$work/mean")"
    ok handbook-windows/card-precision at_least 0.305 "$(figure CP@100 "$work/mean")"
}

# --- logistic regression under River's settings: its published figures, to the last of six digits ----
published() { # SET ACCURACY F1
    local rows=$data/river/$1.csv.gz
    if [[ ! -e $rows ]]; then
        echo "skip river/$1: there is no $rows"
        return
    fi
    "$weir" replay "configs/$1.json" "$rows" >"$work/replay" 2>&1
    show "$work/replay"
    ok "river/$1" grep -q "^classes  *accuracy $2, F1 $3, " "$work/replay"
}

published bananas 0.543208 0.197015
published elec2 0.822144 0.777086
published phishing 0.887200 0.871233

# --- the Numenta Anomaly Benchmark: one configuration for all files -------------------------------
nab() {
    local status
    if [[ ! -e $data/nab/windows.json ]]; then
        echo "skip nab: there is no $data/nab/windows.json"
        return
    fi
    python3 tests/quality/nab.py "$data/nab" --weir "$weir" >"$work/nab" 2>&1
    status=$?
    show "$work/nab"
    ok nab/replay test $status -eq 0
    ok nab/standard at_least 74 "$(sed -n 's/^standard *score \([0-9.]*\).*/\1/p' "$work/nab")"
    ok nab/low-false-positives at_least 66 "$(sed -n 's/^low_fp *score \([0-9.]*\).*/\1/p' "$work/nab")"
    ok nab/low-misses at_least 79 "$(sed -n 's/^low_fn *score \([0-9.]*\).*/\1/p' "$work/nab")"
}

handbook
handbook_windows
nab
exit 0
