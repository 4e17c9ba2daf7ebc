"""The functions that the recordings call, written as WIT, and the recorded exchanges."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from workbench.wire.http_wrpc import HANDLE, INCOMING_HANDLER, OUTGOING_HANDLE, OUTGOING_HANDLER
from workbench.wire.wit.resolve import Resolver
from workbench.wire.wit.types import Function

GOLDEN = Path(__file__).parents[3] / "golden" / "wrpc.jsonl"

_PACKAGES = (
    """
package demo:greet@0.1.0;
interface greeter {
  enum color { red, green, blue }
  flags perms { read, write, exec }
  record person { name: string, age: u8, tags: list<string>, email: option<string> }
  variant shape { dot, circle(f64), rect(tuple<u32, u32>), named(string) }
  record summary { text: string, initials: list<char>, color: color, perms: perms, shape: shape, score: s64 }
  describe: func(p: person) -> result<summary, string>;
  echo-bytes: func(data: list<u8>) -> list<u8>;
  add: func(a: s32, b: s32) -> s32;
  numbers: func(a: u8, b: s8, c: u16, d: s16, e: u32, f: s32, g: u64, h: s64, i: f32, j: f64, k: bool, l: char)
    -> tuple<u8, s8, u16, s16, u32, s32, u64, s64, f32, f64, bool, char>;
  nested: func(x: list<option<result<u32, string>>>) -> list<option<result<u32, string>>>;
  nothing: func();
  boom: func() -> string;
}
""",
    """
package lab:tiny@0.1.0;
interface api { hello: func() -> string; trap: func() -> string; }
""",
    """
package wrpc:keyvalue@0.2.0-draft;
interface store {
  variant error { no-such-store, access-denied, other(string) }
  record key-response { keys: list<string>, cursor: option<u64> }
  get: func(bucket: string, key: string) -> result<option<list<u8>>, error>;
  set: func(bucket: string, key: string, value: list<u8>) -> result<_, error>;
  delete: func(bucket: string, key: string) -> result<_, error>;
  exists: func(bucket: string, key: string) -> result<bool, error>;
  list-keys: func(bucket: string, cursor: option<u64>) -> result<key-response, error>;
}
interface atomics {
  use store.{error};
  increment: func(bucket: string, key: string, delta: u64) -> result<u64, error>;
}
interface batch {
  use store.{error};
  get-many: func(bucket: string, keys: list<string>) -> result<list<option<tuple<string, list<u8>>>>, error>;
  set-many: func(bucket: string, key-values: list<tuple<string, list<u8>>>) -> result<_, error>;
  delete-many: func(bucket: string, keys: list<string>) -> result<_, error>;
}
""",
    """
package wrpc:blobstore@0.2.0;
interface blobstore {
  record object-id { container: string, object: string }
  record object-metadata { created-at: u64, size: u64 }
  container-exists: func(name: string) -> result<bool, string>;
  create-container: func(name: string) -> result<_, string>;
  list-container-objects: func(name: string, limit: option<u64>, offset: option<u64>)
    -> result<tuple<stream<string>, future<result<_, string>>>, string>;
  delete-objects: func(container: string, objects: list<string>) -> result<_, string>;
  get-container-data: func(id: object-id, start: u64, end: u64)
    -> result<tuple<stream<u8>, future<result<_, string>>>, string>;
  get-object-info: func(id: object-id) -> result<object-metadata, string>;
  write-container-data: func(id: object-id, data: stream<u8>) -> result<future<result<_, string>>, string>;
}
""",
    """
package wasmcloud:messaging@0.2.0;
interface types { record broker-message { subject: string, body: list<u8>, reply-to: option<string> } }
interface handler {
  use types.{broker-message};
  handle-message: func(msg: broker-message) -> result<_, string>;
}
interface consumer {
  use types.{broker-message};
  request: func(subject: string, body: list<u8>, timeout-ms: u32) -> result<broker-message, string>;
  publish: func(msg: broker-message) -> result<_, string>;
}
""",
)


@lru_cache(maxsize=1)
def resolver() -> Resolver:
    known = Resolver()
    for text in _PACKAGES:
        known.add_text(text)
    return known


def function(instance: str, name: str) -> Function:
    """A function by instance and wire name."""
    if instance == INCOMING_HANDLER:
        return HANDLE
    if instance == OUTGOING_HANDLER:
        return OUTGOING_HANDLE
    return resolver().interface(instance).functions[name]


@dataclass(frozen=True)
class Exchange:
    """One recorded call: every message of it, in order."""

    file: str
    step: str
    n: int
    subject: str
    reply: str
    headers: dict[str, str]
    payload: bytes
    messages: list[tuple[str, str, bytes]] = field(default_factory=list)
    peer: str = ""

    def root(self, direction: str, tail: str) -> bytes:
        first = self.payload if direction == ">" else b""
        return first + b"".join(d for way, t, d in self.messages if (way, t) == (direction, tail))

    def channels(self, direction: str, base: str) -> dict[tuple[int, ...], list[bytes]]:
        """The payloads on each indexed channel of ``.params`` or ``.results``."""
        found: dict[tuple[int, ...], list[bytes]] = {}
        for way, tail, data in self.messages:
            if way == direction and tail.startswith(f"{base}."):
                path = tuple(map(int, tail[len(base) + 1 :].split(".")))
                found.setdefault(path, []).append(data)
        return found


def _unpack(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text[1:])) if text[:1] == "z" else bytes.fromhex(text)


@lru_cache(maxsize=1)
def exchanges() -> list[Exchange]:
    """The wRPC calls of the recordings, reduced to their messages (golden/wrpc.jsonl)."""
    return [_exchange(json.loads(line)) for line in GOLDEN.read_text("utf-8").splitlines()]


def _exchange(raw: dict) -> Exchange:
    messages = [(m[0], m[1], _unpack(m[2])) for m in raw["messages"]]
    peers = [m[3] for m in raw["messages"] if m[1] == "" and len(m) > 3]
    return Exchange(
        raw["file"], raw["step"], raw["n"], raw["subject"], raw["reply"], raw["headers"] or {},
        _unpack(raw["payload"]), messages, peers[0] if peers else "",
    )  # fmt: skip
