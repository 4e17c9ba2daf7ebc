"""The awaitable API: `up`, `connect` and the `Lattice` they give.

Everything here belongs to one event loop. In a notebook use the blocking twin,
`workbench.Lattice`, which runs this one on the workbench's background loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workbench._aio_lattice import Lattice
from workbench._apps import App
from workbench._embedded import Embedded
from workbench._serving import ServedFunctions
from workbench.errors import UsageError
from workbench.lattice.trace import Tracer
from workbench.nats import Connection

if TYPE_CHECKING:
    from workbench.host.options import LogLine

__all__ = ["App", "Lattice", "ServedFunctions", "connect", "up"]

DEFAULT_LATTICE = "default"


def _no_progress(_what: str) -> None:
    return None


async def up(
    *,
    hosts: int = 1,
    lattice: str = DEFAULT_LATTICE,
    labels: Mapping[str, str] | None = None,
    wadm: bool = True,
    store: Path | str | None = None,
    progress: Callable[[str], None] = _no_progress,
    on_log: Callable[[LogLine], None] | None = None,
) -> Lattice:
    """A whole lattice inside this process: nats-server, ``hosts`` hosts, deployment manager.

    ``labels`` go on every host. ``store`` keeps the NATS data in a directory; without it the data
    is gone with ``close()``. ``progress`` hears what is being started.
    """
    if hosts < 0:
        raise UsageError(f"{hosts} hosts can't be started", hint="give 0 or more")
    began = time.perf_counter()
    tracer = Tracer()
    embedded = Embedded(
        lattice, tracer, store=Path(store) if store else None, labels=labels, on_log=on_log
    )
    try:
        await embedded.start(hosts=0, wadm=wadm, progress=progress)
        self = Lattice(await embedded.connect("workbench"), lattice, tracer, embedded=embedded)
        embedded.on_trouble = self.observer.hear_trouble
        await self._open()
        for number in range(hosts):
            progress(f"host {number + 1} of {hosts}" if hosts > 1 else "host")
            await embedded.add_host()
        await self._heard_of_own_hosts()
    except BaseException:
        await embedded.stop()
        raise
    self.started_s = time.perf_counter() - began
    return self


async def connect(
    url: str,
    *,
    creds: str | None = None,
    user: str | None = None,
    password: str | None = None,
    lattice: str = DEFAULT_LATTICE,
    js_domain: str | None = None,
    writable: bool = False,
) -> Lattice:
    """Join a lattice that runs elsewhere; it can be looked at, and changed if ``writable``.

    ``creds`` is the path of a credentials file. Raises `ConnectFailed`.
    """
    began = time.perf_counter()
    connection = await Connection.connect(
        url, creds=creds, user=user, password=password, js_domain=js_domain, name="workbench"
    )
    self = Lattice(connection, lattice, Tracer(), writable=writable)
    try:
        await self._open()
    except BaseException:
        await connection.close()
        raise
    self.started_s = time.perf_counter() - began
    return self
