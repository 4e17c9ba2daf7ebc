"""Components in text format that carry values of a given WIT type there and back."""

from __future__ import annotations

from typing import Any

from workbench.wire.wit.types import (
    Enum,
    Flags,
    List,
    Option,
    Prim,
    Record,
    Result,
    Tuple,
    Type,
    Variant,
)
from workbench.wire.wit.values import Case, Err, Ok, RecordValue, Some

LIBC = """
  (core module $libc
    (memory (export "mem") 4)
    (global $bump (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $p i32)
      (local.set $p (i32.and (i32.add (global.get $bump) (i32.sub (local.get 2) (i32.const 1)))
                             (i32.sub (i32.const 0) (local.get 2))))
      (global.set $bump (i32.add (local.get $p) (local.get 3)))
      (if (i32.gt_u (global.get $bump) (i32.mul (memory.size) (i32.const 65536)))
        (then (drop (memory.grow (i32.add (i32.const 1) (i32.div_u
          (i32.sub (global.get $bump) (i32.mul (memory.size) (i32.const 65536)))
          (i32.const 65536)))))))
      (local.get $p)))
  (core instance $libc (instantiate $libc))
"""
OPTIONS = '(memory (core memory $libc "mem")) (realloc (core func $libc "realloc"))'


class _Definitions:
    """Type definitions in WAT; those that need a name are exported or imported under one."""

    def __init__(self, verb: str) -> None:
        self.verb = verb
        self.lines: list[str] = []
        self._known: dict[Type, str] = {}

    @property
    def text(self) -> str:
        return "\n  ".join(self.lines)

    def ref(self, type: Type | None) -> str:
        assert type is not None
        if isinstance(type, Prim):
            return type.name
        known = self._known.get(type)
        if known is None:
            known = self._known[type] = self._define(type, f"$t{len(self._known)}")
        return known

    def _define(self, type: Type, name: str) -> str:
        body = self._body(type)
        number = len(self.lines)
        if not isinstance(type, (Record, Variant, Enum, Flags)):
            self.lines.append(f"(type {name}x{number} {body})")
            return f"{name}x{number}"
        self.lines.append(f"(type {name}x{number} {body})")
        public = f"{name}p{number}"
        wit_name = f"t{number}"
        if self.verb == "export":
            self.lines.append(f'(export {public} "{wit_name}" (type {name}x{number}))')
        else:
            self.lines.append(f'(import "{wit_name}" (type {public} (eq {name}x{number})))')
        return public

    def _body(self, type: Type) -> str:
        match type:
            case List(item):
                return f"(list {self.ref(item)})"
            case Option(item):
                return f"(option {self.ref(item)})"
            case Tuple(items):
                return _form("tuple", list(map(self.ref, items)))
            case Result(ok, err):
                good = f" {self.ref(ok)}" if ok is not None else ""
                bad = f" (error {self.ref(err)})" if err is not None else ""
                return f"(result{good}{bad})"
            case Record(_, fields):
                return _form("record", [f'(field "{n}" {self.ref(t)})' for n, t in fields])
            case Variant(_, cases):
                payloads = [f" {self.ref(t)}" if t is not None else "" for _, t in cases]
                names = [n for n, _ in cases]
                return _form(
                    "variant",
                    [f'(case "{n}"{p})' for n, p in zip(names, payloads, strict=True)],
                )
            case Enum(_, cases):
                return _form("enum", [f'"{n}"' for n in cases])
            case Flags(_, names):
                return _form("flags", [f'"{n}"' for n in names])
            case _:
                raise NotImplementedError(str(type))


def _form(head: str, parts: list[str]) -> str:
    return f"({head} {' '.join(parts)})"


def echo_component(item: Type) -> str:
    """Exports ``echo: func(v: list<item>) -> list<item>``."""
    types = _Definitions("export")
    listed = types.ref(List(item))
    return f"""(component {LIBC}
  (core module $m
    (import "libc" "mem" (memory 1))
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1))
      (i32.const 16)))
  (core instance $i (instantiate $m (with "libc" (instance $libc))))
  {types.text}
  (func $echo (param "v" {listed}) (result {listed})
    (canon lift (core func $i "echo") {OPTIONS}))
  (export "echo" (func $echo)))"""


def relay_component(item: Type) -> str:
    """Imports ``host: func(v: list<item>) -> list<item>``, exports ``relay``, which calls it."""
    types = _Definitions("import")
    listed = types.ref(List(item))
    return f"""(component {LIBC}
  {types.text}
  (import "host" (func $host (param "v" {listed}) (result {listed})))
  (core func $lowered (canon lower (func $host) {OPTIONS}))
  (core module $m
    (import "libc" "mem" (memory 1))
    (import "host" "host" (func $host (param i32 i32 i32)))
    (func (export "relay") (param i32 i32) (result i32)
      (call $host (local.get 0) (local.get 1) (i32.const 16))
      (i32.const 16)))
  (core instance $i (instantiate $m (with "libc" (instance $libc))
    (with "host" (instance (export "host" (func $lowered))))))
  (func $relay (param "v" {listed}) (result {listed})
    (canon lift (core func $i "relay") {OPTIONS}))
  (export "relay" (func $relay)))"""


def plain(value: Any) -> Any:
    """A value without the names of its record types, which a component may lose."""
    match value:
        case RecordValue():
            return ("record", *map(plain, value))
        case Case(name, payload):
            return ("case", name, plain(payload))
        case Ok(inner):
            return ("ok", plain(inner))
        case Err(inner):
            return ("err", plain(inner))
        case Some(inner):
            return ("some", plain(inner))
        case list():
            return [plain(v) for v in value]
        case tuple():
            return tuple(map(plain, value))
        case _:
            return value
