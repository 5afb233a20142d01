#!/usr/bin/env python3
"""Runs weir over the Numenta Anomaly Benchmark and scores it by NAB's rules, with the standard library alone.

    nab.py DATA [--weir PROGRAM] [--config FILE] [--scores FOLDER] [--without GROUP,...] [--json]

DATA holds data/GROUP/FILE.csv[.gz] (timestamp,value), windows.json and, optionally, profiles.json. One
configuration serves all files; nothing is set for a file or a group. With --scores the anomaly scores stay
there, as GROUP/FILE.csv with `timestamp,anomaly_score`; with WEIR_JUDGES set, its nab.py is then run on
them as well.

The rules (Lavin and Ahmad, "Evaluating Real-Time Anomaly Detection Algorithms - the Numenta Anomaly
Benchmark", 2015, and the benchmark's code). The first min(15 %, 750) rows of a file do not count. At a
threshold, a window is worth the sigmoid of its earliest detection, at most 1, or -1 when it is missed (-2
where misses weigh more); a detection outside costs up to 0.11 (0.22 where false alarms weigh more),
less just behind a window. One threshold serves all files, for each profile the best. Scaled so that
silence has 0 and a detector that knows all has 100. `left out` chooses the threshold on the other groups
than those that it is judged on, each in turn.

Exit: 0 good, 1 weir failed on a file, 2 usage.
"""

import argparse
import csv
import gzip
import json
import math
import os
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

PROFILES = {"standard": (0.11, 1.0), "low_fp": (0.22, 1.0), "low_fn": (0.11, 2.0)}


class Series(NamedTuple):
    group: str
    windows: int
    rows: list  # (score, worth of a detection, window or None), those that count


def read_rows(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def squash(position):
    return 2 / (1 + math.exp(5 * position)) - 1 if position <= 3 else -1.0


def worth(row, spans):
    """What a detection in this row is worth, with weights of 1, and the window that it lies in."""
    past = [span for span in spans if span[0] <= row]
    if not past:
        return -1.0, None
    first, last = past[-1]
    width = last - first + 1
    if row <= last:
        return squash(-(last - row + 1) / width) / squash(-1), len(past) - 1
    return squash((row - last) / (width - 1)), None


def read_series(group, moments, scores, windows):
    parsed = [[datetime.fromisoformat(edge) for edge in span] for span in windows]
    spans = [tuple(moments.index(edge) for edge in span) for span in parsed]
    start = int(min(math.floor(0.15 * len(scores)), 750))
    rows = [(scores[row], *worth(row, spans)) for row in range(start, len(scores))]
    return Series(group, len(spans), rows)


def gains(corpus, false_weight, miss_weight):
    """(score, what the total gains when this row becomes a detection too), the highest score first."""
    steps = []
    for series in corpus:
        best = [-miss_weight] * series.windows
        for score, value, window in sorted(series.rows, key=lambda row: -row[0]):
            if window is None:
                steps.append((score, value * false_weight))
            elif value > best[window]:
                steps.append((score, value - best[window]))
                best[window] = value
    return sorted(steps, key=lambda step: -step[0])


def best_threshold(corpus, weights):
    total, best, threshold = 0.0, 0.0, math.inf
    steps = gains(corpus, *weights)
    for index, (score, gain) in enumerate(steps):
        total += gain
        if total > best and (index + 1 == len(steps) or steps[index + 1][0] < score):
            best, threshold = total, score
    return threshold


def judge(corpus, threshold, weights):
    total = found = false_rows = 0
    for series in corpus:
        best = [-weights[1]] * series.windows
        for score, value, window in series.rows:
            if score < threshold:
                continue
            if window is None:
                total += value * weights[0]
                false_rows += 1
            else:
                best[window] = max(best[window], value)
        total += sum(best)
        found += sum(value > -weights[1] for value in best)
    windows = sum(series.windows for series in corpus)
    silent = -weights[1] * windows
    return {
        "score": 100 * (total - silent) / (windows - silent) if windows else None,
        "threshold": threshold, "found": found, "windows": windows, "false_rows": false_rows,
        "files": len(corpus),
    }  # fmt: skip


def left_out(corpus, weights):
    """Every group judged at the threshold that the others chose, put together."""
    raw = windows = 0
    for group in sorted({series.group for series in corpus}):
        others = [series for series in corpus if series.group != group]
        own = [series for series in corpus if series.group == group]
        result = judge(own, best_threshold(others, weights), weights)
        if result["windows"]:
            raw += result["score"] * result["windows"]
            windows += result["windows"]
        else:
            worst = best_threshold(others, weights)
            raw += 100 * sum(value * weights[0] for series in own
                             for score, value, _ in series.rows if score >= worst) / (1 + weights[1])  # fmt: skip
    return raw / windows


def run_weir(options, path, rows, into):
    """Anomaly scores in the order of the rows."""
    replay = [options.weir, "replay", str(options.config), str(path), "--scores", str(into)]
    done = subprocess.run(replay, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"nab.py: {' '.join(replay)}\n{done.stdout}{done.stderr}")
    with open(into, newline="") as file:
        scores = {int(row["id"][1:]): float(row["score"]) for row in csv.DictReader(file)}
    if sorted(scores) != list(range(len(rows))):
        sys.exit(f"nab.py: {path}: {len(rows)} rows, but {len(scores)} scores")
    return [scores[index] for index in range(len(rows))]


def keep(folder, group, name, rows, scores):
    (folder / group).mkdir(parents=True, exist_ok=True)
    with open(folder / group / name, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", "anomaly_score"])
        writer.writerows((row["timestamp"], repr(score)) for row, score in zip(rows, scores))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--weir", default="build/release/weir")
    parser.add_argument("--config", default="configs/nab.json")
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--without", default="")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    windows = json.loads((options.data / "windows.json").read_text())
    corpus = []
    with tempfile.TemporaryDirectory() as work:
        for path in sorted((options.data / "data").glob("*/*.csv*")):
            group, name = path.parent.name, path.name.removesuffix(".gz")
            if group in options.without.split(","):
                continue
            rows = read_rows(path)
            scores = run_weir(options, path, rows, Path(work) / "scores.csv")
            if options.scores:
                keep(options.scores, group, name, rows, scores)
            moments = [datetime.fromisoformat(row["timestamp"]) for row in rows]
            corpus.append(read_series(group, moments, scores, windows[f"{group}/{name}"]))
    results = {}
    for name, weights in PROFILES.items():
        results[name] = judge(corpus, best_threshold(corpus, weights), weights)
        results[name]["left_out"] = left_out(corpus, weights)
    if options.json:
        print(json.dumps(results, indent=1))
    else:
        for name, result in results.items():
            print(
                f"{name:9} score {result['score']:.2f}  left out {result['left_out']:.2f}  threshold"
                f" {result['threshold']:.6g}  found {result['found']} of {result['windows']} windows,"
                f" {result['false_rows']} false rows, {result['files']} files"
            )
    judges = os.environ.get("WEIR_JUDGES")
    if judges and options.scores:
        subprocess.run([sys.executable, f"{judges}/nab.py", str(options.scores)], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
