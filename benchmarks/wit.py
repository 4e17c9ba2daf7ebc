"""WIT text and values as text: how fast they are read and written.

    python benchmarks/wit.py [--rounds 5] [--json FILE]

All of it is computing in one thread, so every figure is CPU time, the best of several rounds.
`calibration_ms` is a fixed piece of Python at the start and at the end: compare figures of two
runs by their ratio to it. Values are also given as a ratio to the standard library's `json` on the
same value, which knows no types.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from workbench.wire.wit.coerce import coerce, from_json, to_json
from workbench.wire.wit.parse import parse_package
from workbench.wire.wit.printer import print_package
from workbench.wire.wit.resolve import Resolver
from workbench.wire.wit.types import F64, STRING, U8, U32, Enum, List, Option, Record, Type
from workbench.wire.wit.wave import parse_wave, print_wave
from workbench.wire.wit.yaml_values import from_yaml, to_yaml

PLACE = Record("place", (("name", STRING), ("at", List(F64)), ("kind", Enum("kind", ("a", "b")))))
PERSON = Record(
    "person",
    (("name", STRING), ("age", U8), ("tags", List(STRING)), ("home", Option(PLACE))),
)
ADA = {
    "name": "Ada Lovelace",
    "age": 36,
    "tags": ["x", "yy", "mathematics"],
    "home": {"name": "London", "at": [51.5, -0.13], "kind": "a"},
}
VALUES: dict[str, tuple[Type, Any]] = {
    "list<u8>": (List(U8), bytes(range(256)) * 200),
    "list<u32>": (List(U32), list(range(0, 40_000_000, 1000))),
    "list<string>": (List(STRING), [f"text number {n}" for n in range(20_000)]),
    "list<record>": (List(PERSON), [ADA] * 2000),
}


def best_s(work: Callable[[], object], rounds: int) -> float:
    """CPU seconds of the fastest of ``rounds`` runs."""
    taken = []
    for _ in range(rounds):
        began = time.thread_time()
        work()
        taken.append(time.thread_time() - began)
    return min(taken)


def calibration_ms() -> float:
    """Milliseconds for a fixed piece of pure Python: how fast this machine is right now."""

    def count() -> int:
        total = 0
        for i in range(2_000_000):
            total += i & 7
        return total

    return round(best_s(count, 3) * 1e3, 1)


def bundled_texts() -> list[str]:
    root = resources.files("workbench.wire.wit") / "packages"
    return [
        f.read_text("utf-8") for d in root.iterdir() for f in d.iterdir() if f.name.endswith(".wit")
    ]


def wit_figures(rounds: int) -> dict[str, float]:
    """Milliseconds for all bundled packages, WASI and the others."""
    texts = bundled_texts()

    def resolved() -> Resolver:
        made = Resolver()
        for text in texts:
            made.add_text(text)
        assert made.packages
        return made

    packages = resolved().packages.values()
    return {
        "characters": sum(map(len, texts)),
        "parse_ms": round(best_s(lambda: [*map(parse_package, texts)], rounds) * 1e3, 1),
        "parse_and_resolve_ms": round(best_s(resolved, rounds) * 1e3, 1),
        "print_ms": round(best_s(lambda: [*map(print_package, packages)], rounds) * 1e3, 1),
    }


def value_figures(type: Type, given: Any, rounds: int) -> dict[str, float]:
    """MB/s of text for each form, and the same through plain `json` for comparison."""
    value = coerce(type, given)
    document = to_json(type, value)
    texts = {
        "json": json.dumps(document),
        "wave": print_wave(type, value),
        "yaml": to_yaml(type, value),
    }
    work: dict[str, tuple[str, Callable[[], object]]] = {
        "plain json read": ("json", lambda: json.loads(texts["json"])),
        "plain json write": ("json", lambda: json.dumps(document)),
        "json read": ("json", lambda: from_json(type, json.loads(texts["json"]))),
        "json write": ("json", lambda: json.dumps(to_json(type, value))),
        "wave read": ("wave", lambda: parse_wave(type, texts["wave"])),
        "wave write": ("wave", lambda: print_wave(type, value)),
        "yaml read": ("yaml", lambda: from_yaml(type, texts["yaml"])),
        "yaml write": ("yaml", lambda: to_yaml(type, value)),
    }
    return {
        f"{name} MB/s": round(len(texts[form].encode()) / best_s(run, rounds) / 1e6, 2)
        for name, (form, run) in work.items()
    }


def small_figures(rounds: int) -> dict[str, float]:
    """Microseconds for what every call does."""
    person = coerce(PERSON, ADA)

    def each(work: Callable[[], object]) -> float:
        return round(best_s(lambda: [work() for _ in range(5000)], rounds) / 5000 * 1e6, 3)

    return {
        "hash of a type": each(lambda: hash(PERSON)),
        "coerce a dict to a record": each(lambda: coerce(PERSON, ADA)),
        "coerce a record that is one": each(lambda: coerce(PERSON, person)),
        "print it shortened to 80": each(lambda: print_wave(PERSON, person, limit=80)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {
        "python": platform.python_version(),
        "calibration_ms": [calibration_ms()],
        "bundled packages": wit_figures(options.rounds * 2),
        "us": small_figures(options.rounds),
    }
    for name, (type, given) in VALUES.items():
        figures[name] = value_figures(type, given, options.rounds)
    figures["calibration_ms"].append(calibration_ms())
    text = json.dumps(figures, indent=2)
    if options.json is not None:
        options.json.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
