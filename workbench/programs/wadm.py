"""``python -m workbench wadm``: a deployment manager with the real one's flags and variables.

Source: wadm-engine.md §2. What can't be done is said in one line; where running on would be
wrong, the program ends with code 2.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.nats import Connection
from workbench.programs.admin import Admin
from workbench.programs.logs import log_to_stderr
from workbench.wadm import Layout, Service, ServiceOptions, Timing
from workbench.wire.subjects import (
    WADM_API_PREFIX,
    WADM_COMMANDS_STREAM,
    WADM_EVENT_CONSUMER_STREAM,
    WADM_EVENTS_STREAM,
    WADM_MANIFEST_BUCKET,
    WADM_NOTIFY_STREAM,
    WADM_STATE_BUCKET,
    WADM_STATUS_STREAM,
    WASMBUS_EVENTS_STREAM,
)

__all__ = ["WadmProgram", "add_flags", "read", "run"]

log = logging.getLogger(__name__)

_FALSE = ("", "0", "f", "false", "n", "no", "off")
_SIZES = {
    "state-bucket": WADM_STATE_BUCKET,
    "manifest-bucket": WADM_MANIFEST_BUCKET,
    "command-stream": WADM_COMMANDS_STREAM,
    "event-stream": WADM_EVENTS_STREAM,
    "event-consumer-stream": WADM_EVENT_CONSUMER_STREAM,
    "status-stream": WADM_STATUS_STREAM,
    "notify-stream": WADM_NOTIFY_STREAM,
    "wasmbus-event-stream": WASMBUS_EVENTS_STREAM,
}
NO_TRACING = (
    "tracing is not supported here: no traces are sent, `%wasmcloud app story` tells what was done"
)


@dataclass(frozen=True, slots=True)
class WadmProgram:
    """What the arguments and variables ask for."""

    server: str
    login: Mapping[str, Any]
    js_domain: str | None
    options: ServiceOptions
    structured_logging: bool
    http_admin: Admin | None
    unsupported: tuple[str, ...] = ()


def add_flags(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    """Every flag of the real program; the defaults are what the environment says."""
    flags = _Flags(parser, environment)
    flags.text("-i", "--host-id", "WADM_HOST_ID", "accepted, without effect")
    flags.switch("-l", "--structured-logging", "WADM_STRUCTURED_LOGGING", "log lines as JSON")
    flags.switch("-t", "--tracing", "WADM_TRACING_ENABLED", "not supported")
    flags.text("-e", "--tracing-endpoint", "WADM_TRACING_ENDPOINT", "not supported")
    flags.text("-d", "--js-domain", "WADM_JETSTREAM_DOMAIN", "JetStream domain")
    flags.number("-j", "--max-jobs", "WADM_MAX_JOBS", "most commands under way; no limit")
    flags.text("-s", "--nats-server", "WADM_NATS_SERVER", "host:port or URL", "127.0.0.1:4222")
    flags.text("--nats-seed", "WADM_NATS_NKEY", "a seed or a file with it; goes with --nats-jwt")
    flags.text("--nats-jwt", "WADM_NATS_JWT", "a user JWT or a file with it")
    flags.text("--nats-creds-file", "WADM_NATS_CREDS_FILE", "credentials file")
    flags.text("--nats-tls-ca-file", "WADM_NATS_TLS_CA_FILE", "authorities; TLS becomes a must")
    for flag, bucket in (("state", WADM_STATE_BUCKET), ("manifest", WADM_MANIFEST_BUCKET)):
        variable = f"WADM_{flag.upper()}_BUCKET_NAME"
        flags.text(f"--{flag}-bucket-name", variable, "name of the bucket", bucket)
    flags.number(
        "--cleanup-interval",
        "WADM_CLEANUP_INTERVAL",
        "a silent host is gone after so many seconds",
        70,
    )
    flags.text("--api-prefix", "WADM_API_PREFIX", "prefix of API subjects", WADM_API_PREFIX)
    flags.text("--stream-prefix", "WADM_STREAM_PREFIX", "refused: no server takes such names")
    flags.switch("--multitenant", "WADM_MULTITENANT", "lattices of many accounts")
    flags.text("--stream-persistence", "WADM_STREAM_PERSISTENCE", "file or memory", "file")
    for name in _SIZES:
        variable = f"WADM_{name.upper().replace('-', '_')}_MAX_BYTES"
        flags.number(f"--{name}-max-bytes", variable, "size limit in bytes", -1)
    flags.text("--http-admin", "WADM_HTTP_ADMIN", "serve /livez and /readyz on ip:port")


class _Flags:
    """Flags whose default is a variable; a flag wins over its variable."""

    def __init__(self, parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
        self._parser, self._environment = parser, environment

    def text(self, *names: str | None, **more: Any) -> None:
        flags, variable, text, default = _split(names)
        default = self._environment.get(variable, default)
        self._parser.add_argument(*flags, default=default, help=_help(text, variable), **more)

    def number(self, *names: Any) -> None:
        self.text(*names, type=int)

    def switch(self, *names: str) -> None:
        flags, variable, text, _ = _split(names)
        default = self._environment.get(variable, "").strip().lower() not in _FALSE
        self._parser.add_argument(
            *flags, action="store_true", default=default, help=_help(text, variable)
        )


def _split(names: tuple[Any, ...]) -> tuple[list[str], str, str, Any]:
    flags = [name for name in names if isinstance(name, str) and name.startswith("-")]
    variable, text, *default = names[len(flags) :]
    return flags, variable, text, default[0] if default else None


def _help(text: str, variable: str) -> str:
    return f"{text} [{variable}]"


def read(given: argparse.Namespace) -> WadmProgram:
    """What the parsed arguments ask for. Raises `UsageError` where running would be wrong."""
    if given.stream_prefix:
        raise UsageError(
            "--stream-prefix would put a dot into names of streams, which no NATS server takes",
            hint="leave it out; the real program does not start with it either",
        )
    prefix = given.api_prefix.strip().strip(".")
    if not prefix:
        raise UsageError("--api-prefix is empty", hint="leave it out, or name a subject prefix")
    if given.cleanup_interval < 2:
        raise UsageError("--cleanup-interval is less than 2 s", hint="70 is usual")
    layout = Layout(
        storage="memory" if given.stream_persistence == "memory" else "file",
        state_bucket=given.state_bucket_name,
        manifest_bucket=given.manifest_bucket_name,
        max_bytes={
            stream: getattr(given, f"{name.replace('-', '_')}_max_bytes")
            for name, stream in _SIZES.items()
        },
        multitenant=given.multitenant,
    )
    timing = Timing(
        probe_after_s=given.cleanup_interval / 2, give_up_after_s=float(given.cleanup_interval)
    )
    return WadmProgram(
        given.nats_server,
        _login(given),
        given.js_domain,
        ServiceOptions(prefix, layout, timing, max_jobs=given.max_jobs),
        given.structured_logging,
        Admin(given.http_admin) if given.http_admin else None,
        (NO_TRACING,) if given.tracing or given.tracing_endpoint else (),
    )


def _login(given: argparse.Namespace) -> dict[str, Any]:
    seed, jwt, creds = given.nats_seed, given.nats_jwt, given.nats_creds_file
    if bool(seed) != bool(jwt):
        raise UsageError("--nats-seed and --nats-jwt go together", hint="give both, or neither")
    if seed and creds:
        raise UsageError("--nats-creds-file and --nats-seed exclude each other")
    found = {
        "nkey_seed": _literal_or_file(seed, is_literal=len(seed) == 58 and seed[0] == "S")
        if seed
        else None,
        "jwt": _literal_or_file(jwt, is_literal=jwt.startswith("ey")) if jwt else None,
        "creds": creds,
        "tls_ca": given.nats_tls_ca_file,
    }
    return {key: value for key, value in found.items() if value}


def _literal_or_file(given: str, *, is_literal: bool) -> str:
    if is_literal:
        return given
    try:
        return Path(given).expanduser().read_text().strip()
    except OSError as error:
        # What was given may be a secret with a slip of the pen.
        raise UsageError(
            "a seed or JWT is neither one itself nor a file that can be read",
            hint=error.strerror or "",
        ) from error


def run(program: WadmProgram, environment: Mapping[str, str]) -> int:
    """Run until SIGINT or SIGTERM; returns the exit code."""
    log_to_stderr(
        structured=program.structured_logging, filter_text=environment.get("RUST_LOG", "info")
    )
    for text in program.unsupported:
        log.warning("%s", text)
    asyncio.run(_serve(program))
    return 0


async def _serve(program: WadmProgram) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    connection = await Connection.connect(
        program.server, name="wadm", js_domain=program.js_domain, **program.login
    )
    service = Service(connection, options=program.options)
    try:
        await service.start()
        if program.http_admin is not None:
            log.info("admin server on %s", await program.http_admin.start())
        log.info("wadm takes part on %s", connection.url.rpartition("@")[2])
        await stopped.wait()
    finally:
        if program.http_admin is not None:
            await program.http_admin.stop()
        await service.stop()
        await connection.close()
    log.info("wadm has stopped; what is deployed keeps running")
