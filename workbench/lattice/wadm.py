"""Client of a deployment manager, the real one or ours: typed replies, typed errors.

What existing clients do is kept: manifests go out as normalised JSON, the deprecated list subject is
used because every server knows it, and an error object is recognised before anything else
(wadm-api.md §1.1, §11).
"""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import Any

from workbench.errors import (
    DecodeError,
    ManifestError,
    NoResponders,
    NotFound,
    RequestTimeout,
    WadmError,
)
from workbench.nats import Connection, Message
from workbench.wire import manifest as manifests
from workbench.wire import wadm
from workbench.wire.jsontext import decode
from workbench.wire.manifest import Manifest
from workbench.wire.subjects import WADM_API_PREFIX, is_token, wadm_api, wadm_status
from workbench.wire.wadm import (
    DeployReply,
    ModelSummary,
    PutReply,
    Status,
    StatusType,
    VersionInfo,
)

__all__ = ["FINAL", "WadmClient"]

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
POLL_S = 2.0
FINAL = (StatusType.DEPLOYED, StatusType.FAILED)

_HINTS = {
    "already exists": "give the manifest another version, or deploy the stored one",
    "Unable to parse manifest": "check it with: %wasmcloud app validate FILE",
    "Internal storage error": "the manager can't write its bucket: is JetStream full or read-only?",
    "shared components that are not deployed": "deploy the shared application first",
    "is already deployed in a different application": "use another id, or undeploy that application",
    "does not have a version": "list its versions with: %wasmcloud app history NAME",
}


class WadmClient:
    """Talks to the manager of one lattice."""

    def __init__(
        self,
        nc: Connection,
        lattice: str = "default",
        *,
        timeout_s: float = TIMEOUT_S,
        prefix: str = WADM_API_PREFIX,
    ) -> None:
        self.nc = nc
        self.lattice = lattice
        self.timeout_s = timeout_s
        self._prefix = prefix

    # Operations -------------------------------------------------------------------------------

    async def is_running(self) -> bool:
        """Whether a manager answers."""
        try:
            await self._request("list")
        except (NoResponders, RequestTimeout):
            return False
        except WadmError:
            return True  # an error is an answer too
        return True

    async def put(self, manifest: str | bytes | Mapping[str, Any] | Manifest) -> PutReply:
        """Store a version of an application. Raises `ManifestError` before anything is sent."""
        parsed = manifest if isinstance(manifest, Manifest) else manifests.parse(manifest)
        headers = {"Content-Type": manifests.CONTENT_JSON}
        raw = await self._ask("put", body=parsed.to_json(), headers=headers)
        return PutReply(
            "created" if raw.get("result") == "created" else "newversion",
            _number(raw, "total_versions"),
            _text(raw, "current_version"),
            _text(raw, "message"),
            _text(raw, "name") or parsed.name,
        )

    async def get(self, name: str, version: str | None = None) -> Manifest:
        """A stored manifest, the latest unless ``version`` says which."""
        raw = await self._ask("get", name, _version_body(version))
        try:
            return manifests.parse(raw.get("manifest") or {})
        except ManifestError as error:
            raise DecodeError(f"the manager sent a manifest that does not read: {error}") from error

    async def list(self) -> list[ModelSummary]:
        """All applications, by name."""
        raw = await self._request("list")
        if not isinstance(raw, list):
            raise DecodeError("the manager answered list with something else than a list")
        return [_summary(item) for item in raw if isinstance(item, dict)]

    async def versions(self, name: str) -> list[VersionInfo]:
        """The stored versions of an application, oldest first."""
        raw = await self._ask("versions", name)
        found = raw.get("versions")
        return [
            VersionInfo(_text(item, "version"), item.get("deployed") is True)
            for item in (found if isinstance(found, list) else [])
            if isinstance(item, dict)
        ]

    async def deploy(self, name: str, version: str | None = None) -> DeployReply:
        """Want a version, the latest unless named. Returns when that is stored and announced."""
        return _deploy_reply(await self._ask("deploy", name, _version_body(version)))

    async def undeploy(self, name: str) -> DeployReply:
        """Want the application no more; its stored versions stay."""
        return _deploy_reply(await self._ask("undeploy", name))

    async def delete(self, name: str, version: str | None = None) -> bool:
        """Forget an application or one version of it; False if it was not there."""
        raw = await self._ask("del", name, _version_body(version))
        return raw.get("result") == "deleted"

    async def status(self, name: str) -> Status:
        """The newest status; an application that nobody knows is ``undeployed`` (§3.9)."""
        return wadm.read_status((await self._ask("status", name)).get("status") or {})

    async def put_and_deploy(
        self, manifest: str | bytes | Mapping[str, Any] | Manifest
    ) -> tuple[str, str]:
        """Store and deploy; returns name and version.

        A version that is stored already with the same content is simply deployed; with other
        content it is `WadmError`, because a version never changes.
        """
        parsed = manifest if isinstance(manifest, Manifest) else manifests.parse(manifest)
        try:
            stored = await self.put(parsed)
            name, version = stored.name, stored.current_version
        except WadmError as error:
            if "already exists" not in error.message or parsed.version is None:
                raise
            name, version = parsed.name, parsed.version
            if await self.get(name, version) != parsed:
                raise WadmError(
                    f"version {version} of {name} is stored already, with other content",
                    hint="change the annotation 'version' in the manifest, or leave it out",
                    name=name,
                    version=version,
                ) from error
        await self.deploy(name, version)
        return name, version

    # Watching ---------------------------------------------------------------------------------

    async def watch_status(
        self, name: str, *, poll_s: float = POLL_S
    ) -> AsyncGenerator[Status, None]:
        """The status now and then every change, until the caller stops iterating.

        Changes come with the manager's own announcements; polling fills in for a lost one.
        """
        arrived: asyncio.Queue[Message] = asyncio.Queue()
        subscription = await self.nc.subscribe(
            wadm_status(self.lattice, _name(name)), arrived.put_nowait
        )
        try:
            last = await self.status(name)
            yield last
            while True:
                status = await self._next_status(arrived, name, poll_s)
                if status is not None and status != last:
                    last = status
                    yield status
        finally:
            await subscription.unsubscribe()

    async def _next_status(
        self, arrived: asyncio.Queue[Message], name: str, poll_s: float
    ) -> Status | None:
        try:
            async with asyncio.timeout(poll_s):
                message = await arrived.get()
        except TimeoutError:
            try:
                return await self.status(name)
            except (NoResponders, RequestTimeout, WadmError) as error:
                log.info("status of %s can't be polled: %s", name, error)
                return None
        try:
            return wadm.parse_status(message.data)
        except DecodeError as error:
            log.warning("a status of %s does not read: %s", name, error)
            return None

    async def wait(
        self,
        name: str,
        until: Collection[StatusType] = FINAL,
        *,
        timeout_s: float = 60.0,
    ) -> Status:
        """The first status whose type is in ``until``. Raises `RequestTimeout` with the last one."""
        last: Status | None = None
        try:
            async with asyncio.timeout(timeout_s):
                async for status in self.watch_status(name):
                    last = status
                    if status.type in until:
                        return status
        except TimeoutError:
            pass
        raise RequestTimeout(
            f"{name} is still {last.status if last else 'without a status'} after {timeout_s:g} s",
            hint=f"see why with: %wasmcloud app status {name}",
            name=name,
            status=last,
        )

    # Plumbing ---------------------------------------------------------------------------------

    async def _ask(
        self,
        operation: str,
        name: str = "",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        raw = await self._request(operation, name, body, headers)
        if not isinstance(raw, dict):
            raise DecodeError(f"the manager answered {operation} with no object")
        if raw.get("result") == "notfound":
            raise await self._not_found(name, _text(raw, "message"))
        return raw

    async def _request(
        self,
        operation: str,
        name: str = "",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        subject = wadm_api(
            self.lattice, operation, _name(name) if name else "", prefix=self._prefix
        )
        try:
            message = await self.nc.request(
                subject, body, timeout_s=self.timeout_s, headers=headers
            )
        except NoResponders as error:
            raise NoResponders(
                f"no deployment manager answers in lattice {self.lattice!r}",
                hint="start one: 'up' without --no-wadm, or a wadm server",
                lattice=self.lattice,
            ) from error
        raw = decode(message.data, object, what=f"reply to {operation}")
        if isinstance(raw, dict) and raw.get("result") == "error":
            text = _text(raw, "message") or f"the manager refused {operation} without a reason"
            hint = next((hint for part, hint in _HINTS.items() if part in text), "")
            raise WadmError(text, hint=hint, operation=operation, name=name)
        return raw

    async def _not_found(self, name: str, text: str) -> NotFound:
        known = [summary.name for summary in await self.list()]
        near = difflib.get_close_matches(name, known, n=3)
        if name in known:
            versions = [v.version for v in await self.versions(name)]
            return NotFound(text, hint=f"stored versions: {', '.join(versions)}", matches=versions)
        hint = f"did you mean {' or '.join(near)}?" if near else ""
        hint = hint or f"applications there: {', '.join(known) or 'none'}"
        return NotFound(text or f"no application {name!r}", hint=hint, matches=near or known)


def _name(name: str) -> str:
    if not is_token(name):
        raise NotFound(
            f"{name!r} can't be the name of an application",
            hint="names consist of letters, digits, '-' and '_'",
            matches=[],
        )
    return name


def _version_body(version: str | None) -> bytes:
    return wadm.encode(wadm.VersionRequest(version)) if version is not None else b""


def _deploy_reply(raw: dict[str, Any]) -> DeployReply:
    version = raw.get("version")
    return DeployReply(
        "acknowledged",
        _text(raw, "message"),
        _text(raw, "name"),
        version if isinstance(version, str) else None,
    )


def _summary(raw: dict[str, Any]) -> ModelSummary:
    """One list entry; servers before 0.14 send no detailed status (§4.4)."""
    old = StatusType.read(_text(raw, "status"))
    if isinstance(raw.get("detailed_status"), dict):
        status = wadm.read_status(raw["detailed_status"])
    else:
        status = Status(wadm.StatusInfo(old, _text(raw, "status_message")))
    return ModelSummary(
        _text(raw, "name"),
        _text(raw, "version"),
        _text(raw, "description") or None,
        _text(raw, "deployed_version") or None,
        status,
        old,
        _text(raw, "status_message"),
    )


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""


def _number(raw: Mapping[str, Any], key: str) -> int:
    value = raw.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
