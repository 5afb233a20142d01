#!/usr/bin/env python3
"""What tests/kafka/backfill.sh needs done with events: orders of arrival, and comparisons of features.

    backfill.py orders EVENTS FOLDER     FOLDER/first (some come late, some too late) and FOLDER/second
                                         (another order, nothing in it too late)
    backfill.py feed EVENTS BROKERS TOPIC  into four partitions, slowly enough that none runs far ahead
    backfill.py reorder EVENTS DECISIONS the events in the order that they were decided in, on standard
                                         output
    backfill.py same DECISIONS CSV       features online and in a replay: every byte
    backfill.py alike EVENTS DECISIONS LATE SHUFFLED CSV
                                         features in two orders of arrival, of the events that saw the
                                         same past in both
"""
import bisect
import collections
import csv
import datetime
import json
import random
import subprocess
import sys
import time

LATENESS_MS = 24 * 3600 * 1000
SLICE, SLICE_S = 200, 0.1
KINDS = "card", "merchant", "terminal"


def read_events(path):
    """Pairs of the line and what it says."""
    with open(path, encoding="utf-8") as file:
        return [(line, json.loads(line)) for line in file]


def time_ms(event):
    return round(datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp() * 1000)


def arrival(event, chance, too_late):
    """Most come at once, some late but in time for their windows, a few too late."""
    kind = chance.random()
    if kind < 0.8:
        return time_ms(event)
    if kind < 0.995 or not too_late:
        return time_ms(event) + chance.randrange(LATENESS_MS * 9 // 10)
    return time_ms(event) + chance.randrange(2 * LATENESS_MS, 10 * LATENESS_MS)


def in_order_of_arrival(events, chance, too_late):
    return [line for _, _, line in
            sorted((arrival(event, chance, too_late), number, line)
                   for number, (line, event) in enumerate(events))]


def orders(path, folder):
    events = read_events(path)
    chance = random.Random(20250101)
    for name, too_late in ("first", True), ("second", False):
        with open(f"{folder}/{name}.jsonl", "w", encoding="utf-8") as file:
            file.writelines(in_order_of_arrival(events, chance, too_late))
    return True


def feed(path, brokers, topic):
    chance = random.Random(7)
    producers = [subprocess.Popen(["kcat", "-P", "-b", brokers, "-t", topic, "-p", str(partition),
                                   "-X", "linger.ms=2"], stdin=subprocess.PIPE) for partition in range(4)]
    with open(path, "rb") as file:
        for number, line in enumerate(file):
            chance.choice(producers).stdin.write(line)
            if number % SLICE == SLICE - 1:
                for producer in producers:
                    producer.stdin.flush()
                time.sleep(SLICE_S)
    for producer in producers:
        producer.stdin.close()
    return all(producer.wait() == 0 for producer in producers)


def read_decisions(path):
    """By id, in their order; numbers stay texts, so that nothing is rounded."""
    with open(path, encoding="utf-8") as file:
        decisions = [json.loads(line, parse_float=str, parse_int=str) for line in file]
    return {decision["id"]: decision["features"] for decision in decisions}


def read_table(path):
    with open(path, encoding="utf-8") as file:
        return {row.pop("id"): {name: cell for name, cell in row.items() if cell != ""}
                for row in csv.DictReader(file)}


def reorder(path, decisions):
    line_of = {event["id"]: line for line, event in read_events(path)}
    sys.stdout.writelines(line_of[name] for name in read_decisions(decisions))
    return True


def show(difference, name, left, right):
    print(f"{name}: {difference}: {left[name].get(difference)} and {right[name].get(difference)}")


def differences(left, right):
    return [feature for feature in sorted(left.keys() | right.keys()) if left.get(feature) != right.get(feature)]


def same(decisions, table):
    left, right = read_decisions(decisions), read_table(table)
    values = wrong = 0
    for name in left:
        values += len(left[name])
        for feature in differences(left[name], right.get(name, {})):
            wrong += 1
            if wrong <= 5:
                show(feature, name, left, right)
    print(f"{len(left)} events online, {len(right)} in the replay, {values} values, {wrong} differ")
    return wrong == 0 and list(left) == list(right) and values > 0


def seen_whole(events, order, kind):
    """Ids of events before which all that is older of their entity had come, and that have no tie."""
    older, come, whole = collections.defaultdict(list), collections.defaultdict(list), set()
    by_id = {event["id"]: event for _, event in events}
    for event in by_id.values():
        bisect.insort(older[event[kind]], time_ms(event))
    for name in order:
        event = by_id[name]
        all_times, at = older[event[kind]], time_ms(event)
        tied = bisect.bisect_right(all_times, at) - bisect.bisect_left(all_times, at) > 1
        if not tied and bisect.bisect_left(come[event[kind]], at) == bisect.bisect_left(all_times, at):
            whole.add(name)
        bisect.insort(come[event[kind]], at)
    return whole


def kind_of(feature):
    """Which entity's past it looks at: `terminal_risk` at the terminal's."""
    return next((kind for kind in KINDS if feature.startswith(kind + "_")), "card")


def close(left, right):
    """Means that fade are the same up to rounding."""
    return left == right or (left is not None and right is not None and
                             abs(float(left) - float(right)) <= 1e-9 * abs(float(left)))


def alike(path, decisions, late, shuffled, table):
    events = read_events(path)
    left, right = read_decisions(decisions), read_table(table)
    by_id = {event["id"]: event for _, event in events}
    with open(late, encoding="utf-8") as file:
        too_late = {json.loads(line)["id"] for line in file}
    second = [event["id"] for _, event in read_events(shuffled)]
    compared = wrong = excepted = 0
    for kind in KINDS:
        whole = seen_whole(events, list(left), kind) & seen_whole(events, second, kind)
        missed = {by_id[name][kind] for name in too_late}
        for name in by_id:
            if name not in whole or by_id[name][kind] in missed:
                excepted += 1
                continue
            compared += 1
            for feature in left[name].keys() | right[name].keys():
                one, other = left[name].get(feature), right[name].get(feature)
                if kind_of(feature) == kind and one != other and not (
                        feature == "faded_amount" and close(one, other)):
                    wrong += 1
                    if wrong <= 5:
                        show(feature, name, left, right)
    print(f"{compared} events and entities compared; {excepted} excepted: the order shows in their past; "
          f"{len(too_late)} events too late; {wrong} values differ")
    return wrong == 0 and compared > len(by_id) // 2


COMMANDS = {"orders": orders, "feed": feed, "reorder": reorder, "same": same, "alike": alike}

if __name__ == "__main__":
    sys.exit(0 if COMMANDS[sys.argv[1]](*sys.argv[2:]) else 1)
