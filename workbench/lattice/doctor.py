"""Is this lattice well? Checks from the ground up, each with what was seen and what to do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import NatsError, WorkbenchError
from workbench.lattice.state import ProviderState
from workbench.wire import subjects

if TYPE_CHECKING:
    from workbench.lattice.observer import Observer
    from workbench.lattice.state import LatticeState
    from workbench.lattice.wadm import WadmClient
    from workbench.nats import Connection

__all__ = ["Check", "examine"]


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; ``hint`` says what to do when it is not ``ok``."""

    name: str
    ok: bool
    text: str
    hint: str = ""


async def examine(
    nc: Connection, lattice: str, observer: Observer, manager: WadmClient
) -> list[Check]:
    """All checks, in the order in which to mend what fails."""
    checks = [await _connection(nc)]
    if not checks[0].ok:
        return checks
    checks.append(await _jetstream(nc, lattice))
    checks.extend(_hosts(observer.state))
    checks.append(await _manager(manager, lattice))
    checks.extend(_failures(observer.state))
    checks.extend(_dangling(observer.state))
    if observer.bad_messages:
        checks.append(
            Check(
                "messages",
                False,
                f"{observer.bad_messages} messages of this lattice did not decode",
                "the log names them; a peer may speak another version",
            )
        )
    return checks


async def _connection(nc: Connection) -> Check:
    if not nc.is_connected:
        hint = "it may come back; `%wasmcloud down` and `%wasmcloud up` start a new lattice"
        return Check("nats", False, "the NATS server is away", hint)
    began = time.perf_counter()
    try:
        await nc.flush()
    except NatsError as error:
        return Check("nats", False, error.message, "is the server still there?")
    took_ms = (time.perf_counter() - began) * 1000
    return Check("nats", True, f"nats-server {nc.server_version} answers in {took_ms:.1f} ms")


async def _jetstream(nc: Connection, lattice: str) -> Check:
    bucket = subjects.kv_stream(subjects.lattice_bucket(lattice))
    try:
        info = await nc.js.stream_info(bucket)
    except WorkbenchError as error:
        return Check("jetstream", False, error.message, error.hint)
    if info is None:
        return Check(
            "jetstream",
            False,
            f"lattice {lattice} has no data bucket: no host has ever run on it here",
            "start a host, or check --lattice and --js-domain",
        )
    return Check("jetstream", True, f"the data bucket of lattice {lattice} is there")


def _hosts(state: LatticeState) -> Iterator[Check]:
    hosts = sorted(state.hosts.values(), key=lambda host: host.friendly_name)
    if not hosts:
        yield Check(
            "hosts", False, "no host is heard", "`%wasmcloud up` starts one; or wrong --lattice?"
        )
        return
    names = ", ".join(host.friendly_name or host.id for host in hosts)
    yield Check("hosts", True, f"{len(hosts)} running: {names}")
    for host in hosts:
        if host.late:
            yield Check(
                "hosts",
                False,
                f"{host.friendly_name or host.id} is late with its heartbeat",
                "it is busy, or gone: it is forgotten after 75 s",
            )


async def _manager(manager: WadmClient, lattice: str) -> Check:
    try:
        running = await manager.is_running()
    except WorkbenchError as error:
        return Check("manager", False, error.message, error.hint)
    if running:
        return Check("manager", True, f"a deployment manager answers for lattice {lattice}")
    return Check(
        "manager",
        False,
        "no deployment manager answers",
        "`%wasmcloud deploy` needs one: `%wasmcloud up` without --no-wadm starts it",
    )


def _failures(state: LatticeState) -> Iterator[Check]:
    for host, thing in (*state.components(), *state.providers()):
        unwell = isinstance(thing, ProviderState) and thing.healthy is False
        if thing.error or unwell:
            where = host.friendly_name or host.id
            why = thing.error or "it fails its health check"
            yield Check(thing.id, False, f"on {where}: {why}", "%wasmcloud events")


def _dangling(state: LatticeState) -> Iterator[Check]:
    for link in state.links:
        for end in (link.source_id, link.target):
            if not state.running(end) and end not in state.served:
                yield Check(
                    f"link {link.source_id} → {link.target}",
                    False,
                    f"{end} does not run",
                    f"start {end}, or `%wasmcloud link del {link.source_id} "
                    f"{link.wit_namespace}:{link.wit_package}`",
                )
