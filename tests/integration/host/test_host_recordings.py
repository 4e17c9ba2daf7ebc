"""The recordings of the real host 1.9.2, played against ours: same requests, same answers.

Each recorded request is sent; what our host puts on the wire until the next one is compared with
the recording: replies, events and bucket writes in their order, messages to providers in any
order (they travelled on a second connection). Ids, times, names and addresses are masked, all
other values must be equal. `DEVIATIONS` lists where ours differs, and why.
"""

from __future__ import annotations

import asyncio
import json
import re
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.integration.host.host_lattice import Lattice, Tap, Tapped
from workbench.wire import subjects

GOLDEN = Path(__file__).parents[2] / "golden"
MASKED = {"uptime_human", "uptime_seconds", "friendly_name", "rpc_host", "ctl_host", "id", "time"}

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    return [json.loads(line) for line in (GOLDEN / name).read_text().splitlines()]


def without_second_scaled(expected: list[Row]) -> list[Row]:
    """§8.2: the real host ends an update with max_instances 0 although the component runs."""
    return [row for row in expected if '"max_instances":0' not in row["text"]]


def without_bid(expected: list[Row]) -> list[Row]:
    """§7.1: the real host bids though the id runs; it looks the reference up as id."""
    return [row for row in expected if '"constraints"' not in row["text"]]


def without_shutdown_request(expected: list[Row]) -> list[Row]:
    """Our providers are called, not asked over NATS, to shut down (providers.md §17)."""
    return [row for row in expected if row["kind"] != "rpc"]


def registry_text(expected: list[Row]) -> list[Row]:
    """We can't pull from registries yet and say so."""
    text = "pulling from registries is not available yet"
    return [
        {**row, "text": re.sub(r"(reference `[^`]*`: )[^\"]*", rf"\g<1>{text}", row["text"])}
        for row in expected
    ]


DEVIATIONS = {
    "update-tiny": without_second_scaled,
    "start-again": without_bid,
    "stop-provider": without_shutdown_request,
    "start-bad-oci": registry_text,
}


def masked(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        if "component_ref" in value and "constraints" in value:
            value = {k: v for k, v in value.items() if k != "component_id"}  # §7.1, real id
        return {
            k: "…" if k in MASKED and _is_scalar(v, k, value) else masked(v, k)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return (
            sorted((masked(v) for v in value), key=json.dumps)
            if key in ("components", "providers")
            else [masked(v) for v in value]
        )
    return value


def _is_scalar(value: Any, key: str, of: dict[str, Any]) -> bool:
    # "id" is random in envelopes and pings; in inventories it is the id of a component.
    return key != "id" or "specversion" in of or "rpc_host" in of


def comparable(kind: str, subject: str, text: str, headers: dict[str, str]) -> tuple[Any, ...]:
    body: Any = masked(json.loads(text)) if text else ""
    if kind == "event" and "linkdef" in subject:
        body["source"] = "…"  # whichever host of the queue group was chosen
    kept = {k: v for k, v in headers.items() if k != "Nats-Expected-Last-Subject-Sequence"}
    return (kind, subject, body, kept)


class Player:
    """Sends recorded requests and compares what comes."""

    def __init__(self, lattice: Lattice, tap: Tap) -> None:
        self._lattice = lattice
        self._tap = tap
        self._names = {f"HOST{i + 1}": host.id for i, host in enumerate(lattice.hosts)}

    def _real(self, text: str) -> str:
        for name, host_id in self._names.items():
            text = text.replace(name, host_id)
        return text.replace("file:///components", f"file://{self._lattice.folder}")

    def _recorded(self, text: str) -> str:
        for name, host_id in self._names.items():
            text = text.replace(host_id, name)
        return text.replace(f"file://{self._lattice.folder}", "file:///components")

    async def play(self, recorded: list[Row]) -> None:
        for step, group in groupby(recorded, key=lambda row: row["step"]):
            part: list[Row] = []
            for row in [*group, None]:
                if part and (row is None or row["kind"] == "request"):
                    await self._exchange(step, part)
                    part = []
                if row is not None:
                    part.append(row)

    async def _exchange(self, step: str, part: list[Row]) -> None:
        """One request (if the first row is one) and everything that follows from it."""
        expected = [row for row in part if row["kind"] != "request"]
        if step in DEVIATIONS:
            expected = DEVIATIONS[step](expected)
        if part[0]["kind"] == "request":
            assert not self._tap.seen, f"more than was recorded, before {step}"
            await self._lattice.nc.publish(
                self._real(part[0]["subject"]),
                self._real(part[0]["text"]).encode(),
                reply=f"REPLY.{part[0]['exchange']}",
            )
        await self._tap.until(lambda seen: len(seen) >= len(expected), what=f"{step}: {expected}")
        if not expected:
            await asyncio.sleep(0.05)  # silence is what was recorded: give a wrong answer time
        seen = [self._seen(tapped) for tapped in self._tap.seen]
        self._tap.clear()
        wanted = [
            comparable(r["kind"], r.get("subject", ""), r["text"], r.get("headers", {}))
            for r in expected
        ]
        assert _in_order(seen) == _in_order(wanted), step
        assert _to_providers(seen) == _to_providers(wanted), step

    def _seen(self, tapped: Tapped) -> tuple[Any, ...]:
        kind = next(
            kind
            for start, kind in (
                ("wasmbus.evt.", "event"),
                ("wasmbus.rpc.", "rpc"),
                ("$KV.", "kv"),
                ("REPLY.", "reply"),
            )
            if tapped.subject.startswith(start)
        )
        subject = "" if kind == "reply" else tapped.subject
        return comparable(kind, subject, self._recorded(tapped.text), tapped.headers)


def _in_order(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [one for one in found if one[0] != "rpc"]


def _to_providers(found: list[tuple[Any, ...]]) -> list[str]:
    return sorted(json.dumps(one, sort_keys=True) for one in found if one[0] == "rpc")


async def test_one_host_answers_every_recorded_request_as_the_real_one(lattice: Lattice, tap: Tap):
    await lattice.add_host()
    await Player(lattice, tap).play(rows("host_control.jsonl"))
    await asyncio.wait_for(lattice.host.wait_stopped(), 5)


async def test_two_hosts_share_the_work_as_the_real_ones(lattice: Lattice, tap: Tap):
    recorded = rows("host_two_hosts.jsonl")
    await lattice.add_host(labels={"zone": "a"})
    await lattice.add_host(labels={"zone": "b"})
    player = Player(lattice, tap)
    starts = [row for row in recorded if row["step"] in ("host-a", "host-b")]
    await player.play([{**row, "step": "hosts"} for row in starts])
    # Which host answers a ping first varies.
    await player.play([row for row in recorded if row not in starts and row["step"] != "get-hosts"])


async def test_two_hosts_both_answer_a_ping(lattice: Lattice):
    await lattice.add_host()
    await lattice.add_host()
    replies = await lattice.nc.gather(
        subjects.control("default", "host", "ping"), limit=2, timeout_s=5
    )
    ids = {json.loads(reply.data)["response"]["id"] for reply in replies}
    assert ids == {host.id for host in lattice.hosts}


@pytest.mark.parametrize("name", ["host_control.jsonl", "host_two_hosts.jsonl"])
def test_the_recordings_hold_requests_and_replies(name: str):
    kinds = {row["kind"] for row in rows(name)}
    assert {"request", "reply", "event", "kv", "rpc"} <= kinds
