#!/usr/bin/env python3
"""Reads a pipeline's journal, independently of weir (docs/journal.md describes the bytes), and checks that
it is one unbroken chain in which every record of the inputs was folded exactly once.

    kafka_reader BROKERS --dump JOURNAL | tests/kafka/journal.py OFFSETS

OFFSETS is what `kafka_reader BROKERS --group GROUP TOPIC...` printed: lines "topic partition next end".
Prints what it saw as one JSON object; exit code 1 and a line for each fault if there was one.
"""
import ctypes
import ctypes.util
import json
import struct
import sys

RUN, ARRIVAL, CONTROL, CONFIGURATION, COLD, STATE_HASH, LANE, GAPPED = range(8)
HEAD = struct.Struct("<4sI7Q")
NUMBER = struct.Struct("<Q")


def load_hash():
    """XXH3, 64 bits, of the library; None where it is not installed."""
    name = ctypes.util.find_library("xxhash")
    if not name:
        return None
    function = ctypes.CDLL(name).XXH3_64bits
    function.restype = ctypes.c_uint64
    function.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    return lambda text: function(text, len(text))


class Faults:
    SHOWN = 20

    def __init__(self):
        self.count = 0

    def add(self, text):
        self.count += 1
        if self.count <= self.SHOWN:
            print(f"journal: {text}", file=sys.stderr)


class Items:
    """The items of one entry, read from its bytes."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return self.at < len(self.data)

    def number(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def fixed(self):
        value, = NUMBER.unpack_from(self.data, self.at)
        self.at += NUMBER.size
        return value

    def skip(self, size):
        self.at += size
        if self.at > len(self.data):
            raise IndexError


class Journal:
    def __init__(self, faults, hash_of):
        self.faults, self.hash_of = faults, hash_of
        self.sequence = self.chain = 0
        self.lanes = []  # [input, partition, next]
        self.parts = []
        self.seen = dict(entries=0, records=0, runs=0, controls=0, configurations=0, colds=0, state_hashes=0,
                         outputs=0, bytes=0)
        self.folded = {}  # (input, partition) -> records

    def take(self, part, data):
        """A record: an entry, or a part of one ("2/7")."""
        if not part:
            self.entry(data)
            return
        number, count = (int(figure) for figure in part.split(b"/"))
        if number != len(self.parts) + 1:
            self.faults.add(f"after entry {self.sequence} part {number} follows part {len(self.parts)}")
        self.parts.append(data)
        if number == count:
            whole, self.parts = b"".join(self.parts), []
            self.entry(whole)

    def entry(self, data):
        magic, version, sequence, previous, _, _, _, outputs, size = HEAD.unpack_from(data)
        chain, = NUMBER.unpack_from(data, len(data) - NUMBER.size)
        name = f"entry {sequence}"
        if magic != b"weir" or version != 1 or HEAD.size + size + NUMBER.size != len(data):
            self.faults.add(f"the record after entry {self.sequence} is no entry")
            return
        if self.hash_of and self.hash_of(data[:-NUMBER.size]) != chain:
            self.faults.add(f"{name}: its checksum is wrong")
        if sequence != self.sequence + 1:
            self.faults.add(f"{name} follows entry {self.sequence}")
        if previous != self.chain:
            self.faults.add(f"{name} does not name the chain of the one before")
        self.sequence, self.chain = sequence, chain
        self.seen["entries"] += 1
        self.seen["outputs"] += outputs
        self.seen["bytes"] += len(data)
        try:
            self.items(Items(data[HEAD.size:HEAD.size + size]), name)
        except (IndexError, struct.error):
            self.faults.add(f"{name}: an item is cut")

    def items(self, items, name):
        while items.left():
            tag = items.number()
            kind, above = tag & 7, tag >> 3
            if kind in (RUN, GAPPED):
                self.run(items, name, above, kind == GAPPED)
            elif kind == ARRIVAL:
                items.number()
            elif kind in (CONTROL, CONFIGURATION):
                items.skip(items.number())
                self.seen["controls" if kind == CONTROL else "configurations"] += 1
            elif kind == COLD:
                self.seen["colds"] += 1
                self.lanes = []
            elif kind == STATE_HASH:
                items.number()
                items.fixed()
                self.seen["state_hashes"] += 1
            else:
                self.lanes.append([items.fixed(), items.number(), items.number()])

    def run(self, items, name, number, gapped):
        skipped = items.number() if gapped else 0
        gaps = items.number() if gapped else 0
        count = items.number()
        self.seen["runs"] += 1
        self.seen["records"] += count
        lane = self.lanes[number]
        if skipped or gaps:
            self.faults.add(f"{name}: a run of partition {lane[1]} passes over {skipped + gaps} offsets")
        lane[2] += skipped + gaps + count
        key = (lane[0], lane[1])
        self.folded[key] = self.folded.get(key, 0) + count


def read_records(file):
    head = struct.Struct("<4Q")
    while True:
        data = file.read(head.size)
        if not data:
            return
        _, _, header_size, size = head.unpack(data)
        header = file.read(header_size)
        yield header, file.read(size)


def check_offsets(journal, faults, path):
    """Each partition's records: none left out, none twice; the group's offset says the same."""
    ends = {}
    for line in open(path, encoding="utf-8"):
        topic, partition, after, end = line.split()
        ends[topic, int(partition)] = (int(after), int(end))
    if journal.hash_of:
        names = {journal.hash_of(topic.encode()): topic for topic, _ in ends}
        found = {(names.get(key, "?"), partition): count for (key, partition), count in journal.folded.items()}
        for place, (after, end) in sorted(ends.items()):
            count = found.pop(place, 0)
            if count != end or (end and after != end):
                faults.add(f"{place[0]} {place[1]}: {end} records, {count} in the journal, the group is at {after}")
        for place in found:
            faults.add(f"{place[0]} {place[1]}: the journal names it, but it is not there")
    elif sum(end for _, end in ends.values()) != journal.seen["records"]:
        faults.add(f"{journal.seen['records']} records are in the journal, not as many as in the inputs")


def main():
    faults = Faults()
    journal = Journal(faults, load_hash())
    for part, data in read_records(sys.stdin.buffer):
        journal.take(part, data)
    if journal.parts:
        faults.add("its last entry is not whole")
    check_offsets(journal, faults, sys.argv[1])
    print(json.dumps(dict(journal.seen, sequence=journal.sequence, chain=f"{journal.chain:016x}",
                          checksums=bool(journal.hash_of), faults=faults.count)))
    return 1 if faults.count or journal.sequence == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
