"""Components that mean harm, as text and as bytes that no tool would write."""

from __future__ import annotations

from tests.unit.wasm.binary import HEADER, section, signed, unsigned


def types(*definitions: bytes) -> bytes:
    return section(7, unsigned(len(definitions)) + b"".join(definitions))


def importing(*definitions: bytes) -> bytes:
    """A component that imports ``f``, whose one parameter is the last of these types."""
    last = len(definitions) - 1
    function = b"\x40\x01\x01a" + signed(last) + b"\x01\0"
    imported = section(10, b"\x01\0\x01f\x01" + unsigned(last + 1))
    return HEADER + types(*definitions) + types(function) + imported


def listed(depth: int) -> list[bytes]:
    """``list<list<…u8…>>``"""
    return [b"\x70\x7d", *(b"\x70" + signed(n) for n in range(depth - 1))]


def doubled(depth: int) -> list[bytes]:
    """A tuple of two tuples of two…: twice as many parts with each."""
    return [b"\x6f\x02\x7d\x7d", *(b"\x6f\x02" + signed(n) * 2 for n in range(depth - 1))]


def nested(depth: int) -> bytes:
    """Components in components."""
    data = HEADER
    for _ in range(depth):
        data = HEADER + section(4, data)
    return data


def guest(body: str, *exports: str) -> str:
    """A core module whose functions without parameters are exported one by one."""
    lifted = "\n".join(f'(func (export "{n}") (canon lift (core func $i "{n}")))' for n in exports)
    return f"(component (core module $m {body}) (core instance $i (instantiate $m)) {lifted})"


LOOP = '(func (export "loop") (loop $l (br $l)))'
IDLE = '(func (export "idle"))'

STARTS_FOR_EVER = guest(f"(func $s (loop $l (br $l))) (start $s) {IDLE}", "idle")
GROWS = guest(
    """(memory 1) (table $t 1 funcref)
    (func (export "grow-memory") (loop $l
      (drop (memory.grow (i32.const 1)))
      (memory.fill
        (i32.mul (i32.sub (memory.size) (i32.const 1)) (i32.const 65536))
        (i32.const 1) (i32.const 65536))
      (br $l)))
    (func (export "grow-table") (loop $l
      (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $l)))
    (func (export "want-memory") (loop $l
      (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable)
    (func (export "want-table") (loop $l
      (br_if $l (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
      unreachable)""",
    "grow-memory", "grow-table", "want-memory", "want-table",
)  # fmt: skip
DIVES = guest(
    """(func $dive (export "dive") (call $dive))
    (func $wide (export "wide") (local i64 i64 i64 i64 i64 i64 i64 i64)
      (call $wide) (local.set 0 (i64.const 1)))
    (type $f (func)) (table funcref (elem $around))
    (func $around (export "around") (call_indirect (type $f) (i32.const 0)))""",
    "dive", "wide", "around",
)  # fmt: skip

WRITES = """(component
  (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $err))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $out (sub resource)))
    (alias outer 1 $err (type $e)) (export "error" (type $e' (eq $e)))
    (type $failed (variant (case "last-operation-failed" (own $e')) (case "closed")))
    (export "stream-error" (type $failed' (eq $failed)))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $out)) (param "contents" (list u8))
        (result (result (error $failed')))))))
  (alias export $streams "output-stream" (type $stream))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $stream (type $s)) (export "output-stream" (type $s' (eq $s)))
    (export "get-stdout" (func (result (own $s'))))))
  (core module $libc (memory (export "mem") 1))
  (core instance $libc (instantiate $libc))
  (core func $write (canon lower
    (func $streams "[method]output-stream.blocking-write-and-flush")
    (memory (core memory $libc "mem"))))
  (core func $get (canon lower (func $stdout "get-stdout")))
  (core module $m
    (import "libc" "mem" (memory 1))
    (import "h" "write" (func $write (param i32 i32 i32 i32)))
    (import "h" "get" (func $get (result i32)))
    (func (export "write") (param $times i32) (param $with i32) (local $out i32)
      (memory.fill (i32.const 1024) (local.get $with) (i32.const 4096))
      (local.set $out (call $get))
      (loop $l
        (call $write (local.get $out) (i32.const 1024) (i32.const 4096) (i32.const 16))
        (local.set $times (i32.sub (local.get $times) (i32.const 1)))
        (br_if $l (local.get $times)))))
  (core instance $i (instantiate $m (with "libc" (instance $libc)) (with "h" (instance
    (export "write" (func $write)) (export "get" (func $get))))))
  (func (export "write") (param "times" u32) (param "with" u32)
    (canon lift (core func $i "write"))))"""
"""Writes 4096 equal bytes to stdout, so many times."""

HANDLES = """(component
  (import "test:host/things@1.0.0" (instance $things
    (export "thing" (type $thing (sub resource)))
    (export "[constructor]thing" (func (result (own $thing))))
    (export "lend" (func (param "one" (borrow $thing))))))
  (alias export $things "thing" (type $thing))
  (core func $new (canon lower (func $things "[constructor]thing")))
  (core func $lend (canon lower (func $things "lend")))
  (core func $drop (canon resource.drop $thing))
  (core module $m
    (import "h" "new" (func $new (result i32)))
    (import "h" "lend" (func $lend (param i32)))
    (import "h" "drop" (func $drop (param i32)))
    (func (export "leak") (param $times i32) (loop $l
      (drop (call $new))
      (local.set $times (i32.sub (local.get $times) (i32.const 1)))
      (br_if $l (local.get $times))))
    (func (export "drop-twice") (local $one i32)
      (local.set $one (call $new)) (call $drop (local.get $one)) (call $drop (local.get $one)))
    (func (export "use-dropped") (local $one i32)
      (local.set $one (call $new)) (call $drop (local.get $one)) (call $lend (local.get $one)))
    (func (export "invent") (call $lend (i32.const 4711)))
    (func (export "keep") (param i32)))
  (core instance $i (instantiate $m (with "h" (instance
    (export "new" (func $new)) (export "lend" (func $lend)) (export "drop" (func $drop))))))
  (func (export "leak") (param "times" u32) (canon lift (core func $i "leak")))
  (func (export "drop-twice") (canon lift (core func $i "drop-twice")))
  (func (export "use-dropped") (canon lift (core func $i "use-dropped")))
  (func (export "invent") (canon lift (core func $i "invent")))
  (func $keep' (param "one" (borrow $thing)) (canon lift (core func $i "keep")))
  (export "keep" (func $keep')))"""
"""Uses a resource of the host wrongly; ``keep`` keeps a borrow."""

AGAIN = """(component
  (import "again" (func $again (param "depth" u32) (result u32)))
  (core func $again' (canon lower (func $again)))
  (core module $m
    (import "h" "again" (func $again (param i32) (result i32)))
    (func (export "dive") (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (i32.add (i32.const 1) (call $again (i32.sub (local.get 0) (i32.const 1)))))
        (else (i32.const 0)))))
  (core instance $i (instantiate $m (with "h" (instance (export "again" (func $again'))))))
  (func (export "dive") (param "depth" u32) (result u32) (canon lift (core func $i "dive"))))"""
"""Calls the host, which calls it again."""
