#!/usr/bin/env python3
"""Judges weir on the Fraud Detection Handbook's transactions, with the standard library alone.

    handbook.py scores SCORES.csv TRANSACTIONS.csv[.gz] [--from DAY] [--to DAY] [--json]
    handbook.py features FEATURES.csv TRANSACTIONS.csv[.gz] [--json]

scores: `id,score` with the TRANSACTION_ID and the score, the higher the more suspicious, a row
for each transaction of the test days at least. Each week from --from (2018-08-08) to --to
(2018-08-14) is one test by the Handbook's protocol (Le Borgne, Siblini, Lebichot and Bontempi,
"Reproducible Machine Learning for Credit Card Fraud Detection", 2022):

- Customers known to be defrauded are left out: on day k = 0..6 of the week those with a fraud
  from 14 days before the week's first day up to 8 days before day k (labels are known after 7
  days).
- AUC (ties count half) and average precision (tied scores are one threshold) over what remains.
- CP@100: each day the 100 customers with the highest scores (a customer's score and label are the
  maxima over the day; ties by customer number), the share of them with a fraud; who was found is
  left out afterwards; mean over the days. "best" is what a perfect scorer gets.

features: `id` and the columns of FEATURES below, as `weir replay --features` writes them, are
compared with the 14 published definitions, taken from the transactions by brute force. Rows whose
customer or terminal has another transaction in the same second are counted apart: which of them
came first is not defined.

Exit: 0 good, 1 findings (rows that differ, that are missing or unknown), 2 usage.
"""

import argparse
import csv
import gzip
import json
import math
import sys
from bisect import bisect_right
from collections import defaultdict
from datetime import date, datetime
from typing import NamedTuple

DAY = 86400
WINDOWS = {"1d": 1, "7d": 7, "30d": 30}
DELAY = 7 * DAY
FEATURES = (
    ["weekend", "night"]
    + [f"customer_{what}_{window}" for window in WINDOWS for what in ("count", "mean")]
    + [f"terminal_{what}_{window}" for window in WINDOWS for what in ("count", "risk")]
)
TOLERANCE = 1e-9


class Transaction(NamedTuple):
    id: int
    moment: datetime
    seconds: int
    day: int
    customer: int
    terminal: int
    amount: float
    fraud: int


def stop(message):
    sys.exit(f"handbook.py: {message}")


def open_text(path):
    try:
        return (gzip.open if path.endswith(".gz") else open)(path, "rt", newline="")
    except OSError as error:
        print(f"handbook.py: could not open {path}: {error.strerror}", file=sys.stderr)
        sys.exit(2)


def read_transactions(path):
    with open_text(path) as file:
        return [
            Transaction(
                int(row["TRANSACTION_ID"]),
                datetime.fromisoformat(row["TX_DATETIME"]),
                int(row["TX_TIME_SECONDS"]),
                int(row["TX_TIME_SECONDS"]) // DAY,
                int(row["CUSTOMER_ID"]),
                int(row["TERMINAL_ID"]),
                float(row["TX_AMOUNT"]),
                int(row["TX_FRAUD"]),
            )
            for row in csv.DictReader(file)
        ]


def read_number(text):
    """A cell as a number; None if it is empty, no number or not finite."""
    try:
        number = {"true": 1.0, "false": 0.0}.get(text) if text in ("true", "false") else float(text)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def read_by_id(path, columns):
    """{id: the columns' numbers}; every id once."""
    with open_text(path) as file:
        reader = csv.DictReader(file)
        absent = [name for name in ["id", *columns] if name not in (reader.fieldnames or [])]
        if absent:
            stop(f"{path} has no column {', '.join(absent)}")
        rows = {}
        for row in reader:
            key = int(row["id"])
            if key in rows:
                stop(f"{path}: id {key} appears more than once")
            rows[key] = tuple(read_number(row[name]) for name in columns)
        return rows


# Scores


def ranked_groups(frauds, scores):
    """(frauds, others) of each distinct score, the highest first."""
    groups = defaultdict(lambda: [0, 0])
    for fraud, score in zip(frauds, scores):
        groups[score][0 if fraud else 1] += 1
    return [groups[score] for score in sorted(groups, reverse=True)]


def area_under_curve(frauds, scores):
    ordered = above = others = 0
    for positives, negatives in ranked_groups(frauds, scores):
        ordered += negatives * (2 * above + positives)
        above += positives
        others += negatives
    return ordered / (2 * above * others) if above and others else math.nan


def average_precision(frauds, scores):
    total = 0.0
    above = seen = 0
    for positives, negatives in ranked_groups(frauds, scores):
        above += positives
        seen += positives + negatives
        total += positives * above / seen
    return total / above if above else math.nan


def card_precision(rows, scores, top=100):
    days = defaultdict(dict)
    for row, score in zip(rows, scores):
        cards = days[row.day]
        best, fraud = cards.get(row.customer, (-math.inf, 0))
        cards[row.customer] = (max(best, score), max(fraud, row.fraud))
    found, shares = set(), []
    for day in sorted(days):
        cards = [card for card in days[day].items() if card[0] not in found]
        cards.sort(key=lambda card: (-card[1][0], card[0]))
        hits = {customer for customer, (_, fraud) in cards[:top] if fraud}
        found |= hits
        shares.append(len(hits) / top)
    return math.fsum(shares) / len(shares)


def test_rows(transactions, first, last):
    """The transactions of the days first..last of customers not known to be defrauded."""
    first_fraud = {}
    for row in transactions:
        if row.fraud and row.day >= first - 14:
            first_fraud[row.customer] = min(row.day, first_fraud.get(row.customer, row.day))
    return [
        row
        for row in transactions
        if first <= row.day <= last and first_fraud.get(row.customer, last) > row.day - 8
    ]


def judge(transactions, scores, first, last, start):
    rows = test_rows(transactions, first, last)
    values = [scores.get(row.id, (None,))[0] for row in rows]
    unscored = values.count(None)
    if unscored:
        stop(f"{unscored} of {len(rows)} transactions of the test days have no score")
    frauds = [row.fraud for row in rows]
    return {
        "from": str(date.fromordinal(start + first)),
        "to": str(date.fromordinal(start + last)),
        "rows": len(rows),
        "frauds": sum(frauds),
        "auc": area_under_curve(frauds, values),
        "ap": average_precision(frauds, values),
        "cp": card_precision(rows, values),
        "best_cp": card_precision(rows, frauds),
    }


def print_test(name, result):
    print(
        f"{name:24} AUC {result['auc']:.4f}  AP {result['ap']:.4f}  CP@100 {result['cp']:.4f}"
        f"  (best CP {result['best_cp']:.4f})"
        + (f"  {result['rows']:,} rows, {result['frauds']} frauds" if "rows" in result else "")
    )


def command_scores(options):
    transactions = read_transactions(options.transactions)
    scores = read_by_id(options.file, ["score"])
    start = transactions[0].moment.toordinal() - transactions[0].day
    first, last = options.first.toordinal() - start, options.last.toordinal() - start
    final = max(row.day for row in transactions)
    if not 14 <= first <= last <= final:
        print(
            f"handbook.py: the test days must lie in {date.fromordinal(start + 14)}.."
            f"{date.fromordinal(start + final)}",
            file=sys.stderr,
        )
        return 2
    weeks = [
        judge(transactions, scores, week, min(week + 6, last), start)
        for week in range(first, last + 1, 7)
    ]
    mean = {
        key: math.fsum(week[key] for week in weeks) / len(weeks)
        for key in ("auc", "ap", "cp", "best_cp")
    }
    if options.json:
        print(json.dumps({"weeks": weeks, "mean": mean}, indent=1))
        return 0
    for week in weeks:
        print_test(f"{week['from']}..{week['to'][5:]}", week)
    if len(weeks) > 1:
        print_test("mean", mean)
    return 0


# Features


class Entity:
    """A customer's or a terminal's transactions in the order of their times."""

    def __init__(self):
        self.seconds, self.amounts, self.frauds = [], [], []

    def add(self, row):
        self.seconds.append(row.seconds)
        self.amounts.append(row.amount)
        self.frauds.append(row.fraud)

    def window(self, span, end):
        """The transactions with end - span < time <= end, as a slice."""
        return slice(bisect_right(self.seconds, end - span), bisect_right(self.seconds, end))

    def tied(self, seconds):
        window = self.window(1, seconds)
        return window.stop - window.start > 1


def entities_of(transactions, key):
    entities = defaultdict(Entity)
    for row in sorted(transactions, key=lambda row: row.seconds):
        entities[key(row)].add(row)
    return entities


def define_features(row, customer, terminal):
    values = [float(row.moment.weekday() >= 5), float(row.moment.hour <= 6)]
    for days in WINDOWS.values():
        amounts = customer.amounts[customer.window(days * DAY, row.seconds)]
        values += [len(amounts), math.fsum(amounts) / len(amounts)]
    for days in WINDOWS.values():
        frauds = terminal.frauds[terminal.window(days * DAY, row.seconds - DELAY)]
        values += [len(frauds), sum(frauds) / len(frauds) if frauds else 0]
    return values


def same(found, wanted):
    return found is not None and abs(found - wanted) <= TOLERANCE * max(1, abs(wanted))


def compare_features(transactions, features):
    """How many rows there are, differ, differ with a tie; by feature; the first that differs."""
    customers = entities_of(transactions, lambda row: row.customer)
    terminals = entities_of(transactions, lambda row: row.terminal)
    result = {"rows": 0, "tied": 0, "differing": 0, "differing_tied": 0, "absent": 0}
    by_feature = defaultdict(int)
    example = None
    last = max((row.seconds for row in transactions if row.id in features), default=-1)
    for row in transactions:
        found = features.get(row.id)
        if found is None:
            result["absent"] += row.seconds < last
            continue
        customer, terminal = customers[row.customer], terminals[row.terminal]
        wanted = define_features(row, customer, terminal)
        wrong = [i for i in range(len(FEATURES)) if not same(found[i], wanted[i])]
        tied = customer.tied(row.seconds) or terminal.tied(row.seconds)
        result["rows"] += 1
        result["tied"] += tied
        result["differing_tied"] += bool(wrong) and tied
        if wrong and not tied:
            result["differing"] += 1
            i = wrong[0]
            example = example or (row.id, FEATURES[i], found[i], wanted[i])
            for i in wrong:
                by_feature[FEATURES[i]] += 1
    result["unknown"] = len(features) - result["rows"]
    result["by_feature"] = dict(by_feature)
    result["first"] = example
    return result


def command_features(options):
    transactions = read_transactions(options.transactions)
    result = compare_features(transactions, read_by_id(options.file, FEATURES))
    bad = result["differing"] or result["absent"] or result["unknown"] or not result["rows"]
    if options.json:
        print(json.dumps(result, indent=1))
        return 1 if bad else 0
    print(
        f"{result['rows']:,} rows compared, {result['differing']:,} differ;"
        f" {result['tied']:,} have ties in their second,"
        f" {result['differing_tied']:,} of them differ;"
        f" {result['absent']:,} absent, {result['unknown']:,} unknown"
    )
    for name, count in result["by_feature"].items():
        print(f"  {name}: {count:,} rows")
    if result["first"]:
        key, name, found, wanted = result["first"]
        print(f"  first: id {key}, {name} is {found}, should be {wanted}")
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run in (("scores", command_scores), ("features", command_features)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("file", metavar=f"{name.upper()}.csv")
        command.add_argument("transactions", metavar="TRANSACTIONS.csv[.gz]")
        command.add_argument("--json", action="store_true")
        if name == "scores":
            day = date.fromisoformat
            command.add_argument("--from", dest="first", type=day, default=date(2018, 8, 8))
            command.add_argument("--to", dest="last", type=day, default=date(2018, 8, 14))
    options = parser.parse_args()
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
