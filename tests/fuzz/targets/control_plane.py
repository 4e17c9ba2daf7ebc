"""What hosts, managers and clients tell each other in JSON, and manifests in YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from tests.fuzz.target import Target
from tests.golden import control_plane
from tests.golden.wadm import SHOP, recorded, recorded_manifest
from workbench.errors import DecodeError, ManifestError, RemoteError
from workbench.wire import control, events, jsontext, manifest, records, wadm
from workbench.wire.document import load_json, load_yaml, plain

__all__ = ["TARGETS"]

OPERATIONS = sorted(control.OPERATIONS)
# The first byte chooses; seeds name their parser, the fuzzer tries the rest.
RECORDS: list[Callable[[bytes], Any]] = [
    records.parse_component_spec, records.parse_link, records.parse_config, records.parse_claims,
]  # fmt: skip
REPLIES: list[Any] = [
    wadm.PutReply, wadm.GetReply, wadm.ListReply, wadm.VersionsReply, wadm.DeleteReply,
    wadm.DeployReply, wadm.StatusReply, wadm.StoredManifest,
]  # fmt: skip


def _split(data: bytes, choices: int) -> tuple[int, bytes]:
    return (data[0] if data else 0) % choices, data[1:]


def _request(data: bytes) -> None:
    choice, body = _split(data, len(OPERATIONS))
    operation = OPERATIONS[choice]
    value = control.parse_request(operation, body)
    if value is not None:
        assert control.parse_request(operation, control.encode(value)) == value


def _reply(data: bytes) -> None:
    choice, body = _split(data, len(OPERATIONS))
    reply = control.parse_reply(OPERATIONS[choice], body)
    if reply.success and reply.response is not None:
        again = control.answered(reply.response, reply.message)
        assert control.parse_reply(OPERATIONS[choice], again) == reply


def _event(data: bytes) -> None:
    event = events.parse(data)
    assert event.at_s is None or event.at_s == event.at_s
    again = events.parse(events.encode(event))
    assert (again.payload, again.id, again.source) == (event.payload, event.id, event.source)


def _record(data: bytes) -> None:
    choice, body = _split(data, len(RECORDS))
    RECORDS[choice](body)


def _wadm(data: bytes) -> None:
    choice, body = _split(data, len(REPLIES) + 2)
    if choice == 0:
        status = wadm.parse_status(body)
        assert wadm.parse_status(wadm.encode(status)).type is status.type
    elif choice == 1:
        wadm.parse_version_request(body)
    else:
        jsontext.decode(body, REPLIES[choice - 2], what="reply")


def _manifest(data: bytes) -> None:
    examined = manifest.examine(data)
    if examined.manifest is None:
        raise ManifestError("no manifest")
    # What reads is written so that it reads again as the same application.
    again = manifest.parse(msgspec.json.encode(examined.manifest))
    assert again == examined.manifest
    manifest.validate(examined.manifest)


def _document(data: bytes) -> None:
    outcomes = []
    for load in (load_yaml, load_json):
        try:
            outcomes.append(plain(load(data)))
        except DecodeError:
            continue
    if not outcomes:
        raise DecodeError("neither")


def _texts(kind: str) -> Iterator[tuple[str, bytes]]:
    return ((line["name"], line["text"].encode()) for line in control_plane(kind))


def _operations(kind: str) -> Iterator[bytes]:
    return (bytes((OPERATIONS.index(name),)) + text for name, text in _texts(kind))


def _entries() -> Iterator[bytes]:
    for line in control_plane("entry"):
        key = line["name"] if line["name"] == "CONFIG" else line["key"].partition("_")[0]
        chosen = {"COMPONENT": 0, "CONFIG": 2, "CLAIMS": 3}[key]
        yield bytes((chosen,)) + line["text"].encode()
    for name, text in _texts("request"):
        if name == "link.put":
            yield b"\x01" + text


def _wadm_messages() -> Iterator[bytes]:
    for line in recorded("status"):
        yield b"\x00" + line["text"].encode()
    yield b'\x01{"version":"v1"}'
    for line in recorded("api"):
        for choice in range(2, len(REPLIES) + 2):
            yield bytes((choice,)) + line["reply"].encode()


def _manifests() -> Iterator[bytes]:
    yield SHOP.encode()
    for version in ("v1", "v2", "v3"):
        yield recorded_manifest(version).encode()


def _documents() -> Iterator[bytes]:
    yield from _manifests()
    yield b"a: &x [1, 2.5, true, null, ~]\nb: 'it''s'\nc: |\n  text\n  more\nd: {e: \"\\u00e9\"}\n"
    yield b'{"a": [1, -2.5e3, true, null, "\\u00e9\\ud83d\\ude00"], "": {}}'


TARGETS = [
    Target("control-request", _request, lambda: _operations("request")),
    Target("control-reply", _reply, lambda: _operations("reply")),
    Target("event", _event, lambda: (text for _, text in _texts("event"))),
    Target("kv-record", _record, _entries),
    Target("wadm-message", _wadm, _wadm_messages),
    Target("manifest", _manifest, _manifests, allowed=(RemoteError, ManifestError), memory_factor=8192),
    Target("document", _document, _documents, memory_factor=8192),
]  # fmt: skip
