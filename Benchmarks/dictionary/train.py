#!/usr/bin/env python3
"""Makes the preset dictionary for blocks from the log of a node that holds made-up desks, and says what it saves.

    lodged --data DIR …; lodge demo a --seed 1; lodge demo b --seed 2 --tickets 2000; …; stop lodged
    Benchmarks/dictionary/train.py --lodge .build/debug/lodge --data DIR [--swift Sources/Wire/CompressionDictionary.swift]

Half of the samples train, the other half measure. Never train on a real customer's data: whoever has the program has the dictionary.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import zlib

SIZE = 2048
PIECE = 6  # bytes that must occur together to be worth a place


def varint(data, place):
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7


def changes_of(block):
    """Each entry's changes in a packed block (Sources/Wire/PackedBlock.swift)."""
    assert block[0] == 2, "not a packed block"
    place = 1
    for _ in range(5):  # shard, first index, time, identifier base, identifier count
        _, place = varint(block, place)
    tenants, place = varint(block, place)
    for _ in range(tenants):
        _, place = varint(block, place)
    count, place = varint(block, place)
    heads = []
    for _ in range(count):
        tag, place = varint(block, place)
        length, place = varint(block, place)
        heads.append((tag >> 1, length))
    rows = []
    for _ in range(tenants):
        codec = block[place]
        length, place = varint(block, place + 1)
        stored = bytes(block[place:place + length])
        place += length
        assert codec in (0, 1), "train from a log that was written without a dictionary"
        rows.append(zlib.decompress(stored, -15) if codec else stored)
    begin = [0] * tenants
    for tenant, length in heads:
        yield rows[tenant][begin[tenant]:begin[tenant] + length]
        begin[tenant] += length


def samples_of(lodge, data):
    output = subprocess.run([lodge, "log", "inspect", "--data", data, "--json"], capture_output=True, text=True, check=False).stdout
    segments = {}
    for line in output.splitlines():
        item = json.loads(line)
        if item["kind"] != "block" or item.get("content") != "entries" or item["shard"] == 0:
            continue
        number = item["segment"]
        if number not in segments:
            segments[number] = pathlib.Path(data, "log", f"log-{number:016x}").read_bytes()
        yield from changes_of(segments[number][item["offset"]:item["offset"] + item["bytes"]])


def train(samples):
    """Covers the samples greedily: at each step the stretch whose pieces, not covered yet, occur in the most samples."""
    counts = collections.Counter()
    for sample in samples:
        counts.update({sample[at:at + PIECE] for at in range(len(sample) - PIECE + 1)})
    # What one sample has is no use to the next.
    counts = {piece: count for piece, count in counts.items() if count >= max(3, len(samples) // 400)}
    chosen, room = [], SIZE
    while room > PIECE:
        best, best_score = b"", 0.0
        for sample in samples:
            begin = 0
            while begin <= len(sample) - PIECE:
                if sample[begin:begin + PIECE] not in counts:
                    begin += 1
                    continue
                end, score = begin, 0
                while end <= len(sample) - PIECE and sample[end:end + PIECE] in counts and end - begin < 64:
                    score += counts[sample[end:end + PIECE]]
                    end += 1
                length = end - begin + PIECE - 1
                if length <= room and score / (length + 4) > best_score:
                    best, best_score = sample[begin:begin + length], score / (length + 4)
                begin = end
        if not best:
            break
        chosen.append(best)
        room -= len(best)
        for at in range(len(best) - PIECE + 1):
            counts.pop(best[at:at + PIECE], None)
    # Near the end distances are short, and short distances cost the fewest bits.
    return b"".join(reversed(chosen))


def size(sample, dictionary=b""):
    packer = zlib.compressobj(1, zlib.DEFLATED, -13, 6, zlib.Z_DEFAULT_STRATEGY, dictionary) if dictionary else zlib.compressobj(
        1, zlib.DEFLATED, -13, 6)
    return min(len(sample), len(packer.compress(sample) + packer.flush()))


def swift(dictionary):
    lines = [dictionary.hex()[at:at + 100] for at in range(0, len(dictionary) * 2, 100)]
    text = "\n".join(f"        {line}" for line in lines)
    return f'''/// What the compression of a block begins with, so that a short one gains by what all blocks have in common. Made by
/// `Benchmarks/dictionary/train.py` from made-up desks; public, and never changed: a codec's number stands for it.
package enum CompressionDictionary {{
    /// Of codec 2.
    package static let first: [UInt8] = bytes(
        """
{text}
        """)

    private static func bytes(_ hex: String) -> [UInt8] {{
        let digits = hex.utf8.compactMap {{ UInt8(String(UnicodeScalar($0)), radix: 16) }}
        return stride(from: 0, to: digits.count - 1, by: 2).map {{ digits[$0] << 4 | digits[$0 + 1] }}
    }}
}}
'''


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lodge", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--swift", help="write the dictionary there")
    parser.add_argument("--limit", type=int, default=4000, help="samples to train on")
    options = parser.parse_args()
    samples = [sample for sample in samples_of(options.lodge, options.data) if len(sample) > 16]
    train_on, measure_on = samples[::2], samples[1::2]
    step = max(1, len(train_on) // options.limit)
    dictionary = train(train_on[::step])
    print(f"{len(samples)} samples, dictionary of {len(dictionary)} bytes")
    for name, low, high in [("up to 100 bytes", 0, 100), ("100 to 400", 100, 400), ("over 400", 400, 1 << 30)]:
        group = [sample for sample in measure_on if low < len(sample) <= high]
        if group:
            raw, plain, preset = (sum(map(f, group)) / len(group) for f in (len, size, lambda sample: size(sample, dictionary)))
            print(f"{name}: {len(group)} samples, {raw:.0f} bytes raw, {plain:.0f} deflated, {preset:.0f} with the dictionary")
    if options.swift:
        pathlib.Path(options.swift).write_text(swift(dictionary))


main()
