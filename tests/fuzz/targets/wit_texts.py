"""WIT text, and values as WAVE, YAML, JSON and Python objects, each of a type that is drawn too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.fuzz.drawn_types import read_type, type_bytes
from tests.fuzz.target import Target
from workbench.errors import ValueMismatch, WitResolveError, WitSyntaxError
from workbench.wire.wit.bundled import bundled
from workbench.wire.wit.coerce import coerce, to_json
from workbench.wire.wit.printer import print_package
from workbench.wire.wit.resolve import Resolver
from workbench.wire.wit.types import (
    F64,
    STRING,
    U8,
    Enum,
    Flags,
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
from workbench.wire.wit.wave import parse_wave, parse_wave_arguments, print_wave
from workbench.wire.wit.yaml_values import from_yaml, to_yaml

__all__ = ["TARGETS"]

GOLDEN = Path(__file__).parents[2] / "golden" / "wit"
SMALL = ("wasi:config@0.2.0-draft", "wasi:logging", "wasmcloud:identity@0.0.1", "wrpc:http@0.1.0")


def _resolve(text: str) -> Resolver:
    made = Resolver(features=["*"])
    made.add_text(text)
    return made


def _package(data: bytes) -> None:
    packages = _resolve(data.decode("utf-8", "replace")).packages
    again = Resolver()
    for package in packages.values():
        _must(again.add_text, print_package(package))
    # `again.packages` resolves all that was printed.
    assert _must(lambda _: again.packages, "") == packages


def _must(work: Callable[[str], Any], text: str) -> Any:
    """Do what can't fail any more: an error that would be allowed is a finding here."""
    try:
        return work(text)
    except (WitSyntaxError, WitResolveError, ValueMismatch) as fault:
        raise AssertionError(f"{fault} in what was written: {text!r}") from fault


def _typed(read: Callable[[Type, str], Any], write: Callable[[Type, Any], str]) -> Any:
    """A target that reads a value of a drawn type, writes it, and reads the same again."""

    def run(data: bytes) -> None:
        type, rest = read_type(data)
        value = read(type, rest.decode("utf-8", "replace"))
        try:
            text = write(type, value)
        except ValueMismatch:
            return  # Streams and futures that are still to come have no text.
        # As text, because no nan equals another.
        assert write(type, _must(lambda text: read(type, text), text)) == text

    return run


def _wave_arguments(data: bytes) -> None:
    type, rest = read_type(data)
    function = Function("f", (("a", type), ("b", Option(type))))
    assert len(parse_wave_arguments(function, rest.decode("utf-8", "replace"))) == 2


def _python(data: bytes) -> None:
    type, rest = read_type(data)
    try:
        given = json.loads(rest)
    except (ValueError, RecursionError):
        return
    value = coerce(type, given)
    assert repr(coerce(type, value)) == repr(value)


PERSON = Record("r", (("n0", STRING), ("n1", U8), ("n2", Option(F64))))
SHAPE = Variant(
    "v", (("n0", None), ("n1", List(U8)), ("n2", Tuple((F64, Enum("e", ("n0", "n1"))))))
)
VALUES: list[tuple[Type, Any]] = [
    (PERSON, record_class(PERSON)('Ada "L"\n\u2603', 36, None)),
    (List(SHAPE), [Case("n0"), Case("n1", b"\x00\xff"), Case("n2", (-1.5, "n1"))]),
    (Result(Flags("f", ("n0", "n1")), STRING), Ok(frozenset(["n1"]))),
    (Option(Option(U8)), None),
]


def _packages() -> Iterator[bytes]:
    yield from (path.read_bytes() for path in sorted(GOLDEN.glob("*.wit")))
    packages = bundled().packages
    yield from (print_package(packages[id]).encode() for id in SMALL if not _needs(packages[id]))
    yield b"""package a:b@1.2.3; use c:d/e; interface x { @since(version = 1.0.0) use e.{t as u};
      /// Doc.
      resource r { constructor() -> result<r>; m: async func(o: borrow<r>); s: static func(); }
      record %type { a: list<option<u8>>, b: result<_, u> } enum HTTP-v2 { a } flags f { a, b }
      variant v { a, b(tuple<u8, f32>) } f: func(a: stream<u8>, b: future) -> error-context; }
      world w { import x; include v with { g as h } export i: interface { use x.{f}; k: func(); } }
      world v { import g: func(); type t = u8; } package c:d { interface e { type t = char; } }"""


def _needs(package: Any) -> bool:
    return any(interface.uses for interface in package.interfaces.values())


def _written(write: Callable[[Type, Any], str]) -> Callable[[], Iterator[bytes]]:
    return lambda: (type_bytes(type) + write(type, value).encode() for type, value in VALUES)


def _argument_lists() -> Iterator[bytes]:
    for type, value in VALUES:
        yield type_bytes(type) + f"({print_wave(type, value)}, none)".encode()


WIT = (WitSyntaxError, WitResolveError)
VALUE = (WitSyntaxError, ValueMismatch)

TARGETS = [
    Target("wit-text", _package, _packages, WIT, max_bytes=8192),
    Target("wave-value", _typed(parse_wave, print_wave), _written(print_wave), VALUE),
    Target("wave-arguments", _wave_arguments, _argument_lists, VALUE),
    Target("yaml-value", _typed(from_yaml, to_yaml), _written(to_yaml), VALUE),
    Target(
        "python-value",
        _python,
        _written(lambda type, value: json.dumps(to_json(type, value))),
        (ValueMismatch,),
    ),
]
