"""The wRPC value codec alone: megabytes and values a second, each type both ways.

    python -m benchmarks.codec [--seconds 0.5] [--json FILE] [--only NAME]

Throughput counts bytes on the wire and is taken from CPU time, the best of several rounds.
Beside each figure stands its ratio to a calibration taken just before: pure Python that looks at
every byte once, which is what a decoder without any short cut would cost at least.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.wire.wit.types import (
    F64,
    S32,
    STRING,
    U8,
    U32,
    U64,
    Enum,
    Function,
    List,
    Option,
    Record,
    Result,
    Tuple,
    Type,
    Variant,
)
from workbench.wire.wit.values import Case, Ok, record_class
from workbench.wire.wrpc import FunctionCodec, function_codec

Figures = dict[str, Any]

PERSON = Record("person", (("name", STRING), ("age", U8), ("tags", List(STRING))))
PLACE = Record("place", (("street", STRING), ("number", U32), ("zip", Option(STRING))))
LINE = Record("line", (("sku", STRING), ("count", U32), ("price", F64)))
SHAPE = Variant("shape", (("dot", None), ("circle", F64), ("rect", Tuple((U32, U32)))))
NESTED = Record(
    "order",
    (
        ("id", U64),
        ("customer", PERSON),
        ("ship-to", PLACE),
        ("state", Enum("state", ("open", "paid", "sent"))),
        ("lines", List(LINE)),
        ("shape", SHAPE),
        ("last", Result(U32, STRING)),
    ),
)
ADA = record_class(PERSON)("Ada", 36, ["x", "yy"])
PIECE = 64 * 1024


def nested_value() -> Any:
    line = record_class(LINE)
    return record_class(NESTED)(
        12_345, ADA, record_class(PLACE)("Main Street", 300, "12345"), "paid",
        [line(f"sku-{i}", i * 50, i * 1.5) for i in range(4)], Case("rect", (3, 400)), Ok(7),
    )  # fmt: skip


def cases() -> dict[str, tuple[Type, Any]]:
    """A type and a value of about a megabyte for each figure."""
    rng = random.Random(1)
    order = nested_value()
    return {
        "list<u8>": (List(U8), rng.randbytes(8_000_000)),
        "list<u32> below 128": (List(U32), [rng.randrange(128) for _ in range(200_000)]),
        "list<u32> below 16384": (List(U32), [rng.randrange(16_384) for _ in range(200_000)]),
        "list<u32> any": (List(U32), [rng.getrandbits(32) for _ in range(100_000)]),
        "list<s32> small": (List(S32), [rng.randrange(-64, 64) for _ in range(200_000)]),
        "list<s32> any": (List(S32), [rng.getrandbits(32) - (1 << 31) for _ in range(100_000)]),
        "list<u64> any": (List(U64), [rng.getrandbits(64) for _ in range(100_000)]),
        "list<f64>": (List(F64), [rng.random() for _ in range(200_000)]),
        "list<string> of 8": (List(STRING), [f"item{i % 10_000:04}" for i in range(100_000)]),
        "list<string> of 100": (List(STRING), ["x" * 100] * 20_000),
        "list<record>": (List(PERSON), [ADA] * 20_000),
        "list<nested record>": (List(NESTED), [order] * 4_000),
        "one record": (PERSON, ADA),
        "one nested record": (NESTED, order),
    }


def best_s(work: Callable[[], object], seconds: float) -> float:
    """CPU seconds of one call, the best of five rounds."""
    begun = time.thread_time()
    work()
    rounds = max(1, int(seconds / 5 / max(time.thread_time() - begun, 1e-7)))
    best = float("inf")
    for _ in range(5):
        begun = time.thread_time()
        for _ in range(rounds):
            work()
        best = min(best, (time.thread_time() - begun) / rounds)
    return best


def calibration_mb_s(seconds: float) -> float:
    """What pure Python does that looks at each byte of a buffer once."""
    data = bytes(range(256)) * 2000

    def look() -> int:
        total = position = 0
        while position < len(data):
            total += data[position]
            position += 1
        return total

    return len(data) / best_s(look, seconds) / 1e6


def _in_pieces(codec: FunctionCodec, wire: bytes) -> None:
    made = codec.params_decoder()
    for start in range(0, len(wire), PIECE):
        made.feed(wire[start : start + PIECE])
    assert made.values is not None


def measure(type: Type, value: Any, seconds: float) -> Figures:
    codec = function_codec(Function("f", (("p", type),), type))
    wire, _ = codec.encode_params([value])
    assert codec.params_decoder().feed(wire)
    work: dict[str, Callable[[], object]] = {
        "encode": lambda: codec.encode_params([value]),
        "decode": lambda: codec.params_decoder().feed(wire),
    }
    if len(wire) > PIECE:
        work["decode_pieces"] = lambda: _in_pieces(codec, wire)
    calibration = calibration_mb_s(seconds)
    figures: Figures = {"bytes": len(wire), "calibration_mb_s": round(calibration, 1)}
    for name, call in work.items():
        taken = best_s(call, seconds)
        figures[f"{name}_us"] = round(taken * 1e6, 2)
        figures[f"{name}_mb_s"] = round(len(wire) / taken / 1e6, 1)
        figures[f"{name}_ratio"] = round(len(wire) / taken / 1e6 / calibration, 2)
        if isinstance(value, list):
            figures[f"{name}_ns_item"] = round(taken / len(value) * 1e9, 1)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    results: Figures = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }
    print(json.dumps(results))
    for name, (type, value) in cases().items():
        if options.only in name:
            results[name] = figures = measure(type, value, options.seconds)
            print(f"{name:24} {figures}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
