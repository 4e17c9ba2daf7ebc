"""What the API of a lattice does: ``model.put``, ``model.deploy`` …, word for word like the real one.

Nothing here keeps state, the bucket does (wadm-api.md §2, §3).
"""

from __future__ import annotations

import json
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from workbench.errors import DecodeError, ManifestError, WorkbenchError
from workbench.nats import JetStream, Message
from workbench.wadm.board import StatusBoard
from workbench.wadm.feed import Announcement
from workbench.wadm.sharing import IdConflict, missing_shared, taken_id
from workbench.wadm.store import ManifestStore
from workbench.wire import manifest as manifests
from workbench.wire import wadm
from workbench.wire.manifest_rules import NAME_PATTERN
from workbench.wire.subjects import WadmApiSubject, wadm_event

__all__ = ["STORAGE_ERROR", "ModelApi", "Refused"]

log = logging.getLogger(__name__)

STORAGE_ERROR = "Internal storage error"
NO_HISTORY = (
    "Model deployment history is not currently supported. It may be added in a future version"
)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


# Takes the id of the event and what it says.
Announced = Callable[[str, Announcement], Awaitable[None]]


class Refused(Exception):
    """A request that ends with the generic error."""


def _not_found(name: str) -> str:
    return f"Application with the name {name} not found"


class ModelApi:
    """The operations on the applications of one lattice.

    ``announced`` hears of every announcement before its request is answered: so a status that is
    asked for after a deploy is never that of the version before. ``mend`` makes streams that have
    gone.
    """

    def __init__(
        self,
        js: JetStream,
        lattice: str,
        store: ManifestStore,
        board: StatusBoard,
        *,
        mend: Callable[[], Awaitable[None]],
        announced: Announced | None = None,
    ) -> None:
        self._js, self._lattice, self._store, self._board = js, lattice, store, board
        self._announced = announced
        self._mend = mend
        self._with_name: dict[str, Callable[[str, Message], Awaitable[Any]]] = {
            "get": self._get,
            "versions": self._versions,
            "del": self._delete,
            "deploy": self._deploy,
            "undeploy": self._undeploy,
            "status": self._status,
        }
        self._without_name: dict[str, Callable[[Message], Awaitable[Any]]] = {
            "put": self._put,
            "get": self._list,
            "list": self._bare_list,
        }

    async def answer(self, subject: WadmApiSubject, message: Message) -> Any:
        """The reply to a request. Raises `Refused`, and `WorkbenchError` when storage fails."""
        name, operation = subject.object, subject.operation
        if subject.category == "model":
            if name and operation == "history":
                raise Refused(NO_HISTORY)
            if name and operation in self._with_name:
                return await self._with_name[operation](name, message)
            if not name and operation in self._without_name:
                return await self._without_name[operation](message)
        raise Refused(f"Unsupported subject: {message.subject}")

    # Reading ----------------------------------------------------------------------------------

    async def _get(self, name: str, message: Message) -> wadm.GetReply:
        version = _version("get", message)
        found = await self._store.get(name)
        if found is None:
            return wadm.GetReply("notfound", _not_found(name))
        stored = found[0]
        if version is not None and version not in stored.manifests:
            text = f"Application {name} with version {version} doesn't exist"
            return wadm.GetReply("notfound", text)
        manifest = stored.manifests.get(version or stored.latest)
        suffix = f" {version}" if version is not None else ""
        return wadm.GetReply(
            "success", f"Successfully fetched application {name}{suffix}", manifest
        )

    async def _list(self, _message: Message) -> wadm.ListReply:
        models = tuple(await self._summaries())
        return wadm.ListReply("success", "Successfully fetched list of applications", models)

    async def _bare_list(self, _message: Message) -> list[wadm.ModelSummary]:
        return await self._summaries()

    async def _summaries(self) -> list[wadm.ModelSummary]:
        summaries = []
        for name, stored in (await self._store.all()).items():
            latest = stored.manifests.get(stored.latest)
            status = await self._board.last(name) or wadm.Status(
                wadm.StatusInfo(wadm.StatusType.WAITING, wadm.NO_HOSTS)
            )
            old = status.type
            if old is wadm.StatusType.WAITING:
                old = wadm.StatusType.UNDEPLOYED  # old clients can't read it (§4.4)
            summaries.append(
                wadm.ModelSummary(
                    name,
                    stored.latest,
                    _annotation(latest, "description"),
                    stored.deployed_version,
                    status,
                    old,
                    status.message,
                )
            )
        return summaries

    async def _versions(self, name: str, _message: Message) -> wadm.VersionsReply:
        found = await self._store.get(name)
        if found is None:
            return wadm.VersionsReply("notfound", _not_found(name))
        stored = found[0]
        versions = tuple(
            wadm.VersionInfo(version, version == stored.deployed_version)
            for version in stored.manifests
        )
        text = f"Successfully fetched versions for application {name}"
        return wadm.VersionsReply("success", text, versions)

    async def _status(self, name: str, _message: Message) -> wadm.StatusReply:
        status = await self._board.last(name) or wadm.Status()
        text = f"Successfully fetched status for application {name}"
        return wadm.StatusReply("ok", text, status)

    # Writing ----------------------------------------------------------------------------------

    async def _put(self, message: Message) -> wadm.PutReply:
        manifest = _parsed(message)
        name = manifest.name
        if manifest.version == "latest":
            text = 'invalid manifest version, errors: "latest is not allowed in wadm"'
            raise Refused(text)
        if not NAME_PATTERN.fullmatch(name):
            raise Refused(
                f"Manifest name {name} contains invalid characters. Manifest names can only "
                "contain alphanumeric characters, dashes, and underscores."
            )
        found = await self._store.get(name)
        error = next((f for f in manifests.validate(manifest) if f.level == "error"), None)
        if error is not None:
            raise Refused(error.message)
        missing = await self._missing_shared(manifest)
        stored, revision = found or (wadm.StoredManifest({}), None)
        previous = stored.latest
        if manifest.version is None:
            manifest = manifest.with_version(_new_ulid())
        version = manifest.version or ""
        if version in stored.manifests:
            raise Refused(f"Manifest version {version} already exists")
        versions = {**stored.manifests, version: manifest.to_obj()}
        await self._store.put(
            name, wadm.StoredManifest(versions, stored.deployed_version), revision
        )
        await self._store.add_name(name)
        text = f"Successfully put manifest {name} {previous}"
        if missing:
            text += f", but some shared components are not deployed: {_debug_list(missing)}"
        result = "created" if len(versions) == 1 else "newversion"
        return wadm.PutReply(result, len(versions), version, text, name)

    async def _missing_shared(self, manifest: manifests.Manifest) -> list[str]:
        if not any(c.properties.application for c in manifest.components):
            return []
        return missing_shared(manifest, await self._store.all())

    async def _deploy(self, name: str, message: Message) -> wadm.DeployReply:
        version = _version("deploy", message)
        found = await self._store.get(name)
        if found is None:
            return wadm.DeployReply("notfound", _not_found(name), name, version)
        stored, revision = found
        wanted = stored.latest if version in (None, "latest") else version or ""
        if wanted not in stored.manifests:
            text = (
                f"Application with the name '{name}' does not have a version '{version}' to deploy"
            )
            return wadm.DeployReply("error", text, name, version)
        manifest = _stored(name, wanted, stored.manifests[wanted])
        await self._check_neighbours(manifest)
        await self._store.put(name, wadm.StoredManifest(stored.manifests, wanted), revision)
        if problem := await self._announce(Announcement(name, manifest)):
            text = f"Error notifying processors of newly deployed manifest. {problem}"
            return wadm.DeployReply("error", text, name, wanted)
        text = f"Successfully deployed application {name} {wanted}"
        return wadm.DeployReply("acknowledged", text, name, wanted)

    async def _check_neighbours(self, manifest: manifests.Manifest) -> None:
        """What other applications forbid, or lack (§3.7, 3 and 4)."""
        explicit = any(c.properties.id for c in manifest.components)
        shared = any(c.properties.application for c in manifest.components)
        if not explicit and not shared:
            return
        everything = await self._store.all()
        conflict: IdConflict | None = taken_id(manifest, everything)
        if conflict is not None:
            raise Refused(
                f"Component identifier '{conflict.id}' is already deployed in a different "
                f"application '{conflict.app}'."
            )
        missing = missing_shared(manifest, everything)
        if missing:
            raise Refused(
                "Application contains shared components that are not deployed in other "
                f"applications: {_debug_list(missing)}"
            )

    async def _undeploy(self, name: str, message: Message) -> wadm.DeployReply:
        _version("undeploy", message)
        found = await self._store.get(name)
        if found is None:
            return wadm.DeployReply("notfound", _not_found(name), name)
        stored, revision = found
        text = f"Application {name} was already undeployed"
        if stored.deployed_version is not None:
            text = f"Successfully undeployed application {name}"
            try:
                await self._store.put(name, wadm.StoredManifest(stored.manifests), revision)
            except WorkbenchError as error:
                log.warning("undeploy of %s: %s", name, error)
                return wadm.DeployReply("error", STORAGE_ERROR, name)
        if problem := await self._announce(Announcement(name)):
            text = f"Error notifying processors of undeployed manifest. {problem}"
            return wadm.DeployReply("error", text, name)
        return wadm.DeployReply("acknowledged", text, name)

    async def _delete(self, name: str, message: Message) -> wadm.DeleteReply:
        version = _version("delete", message)
        try:
            reply = await self._delete_stored(name, version)
        except WorkbenchError as error:
            log.warning("delete of %s: %s", name, error)
            what = f"version {version} of application {name}" if version else f"application {name}"
            return wadm.DeleteReply("error", f"{STORAGE_ERROR} when deleting {what}")
        # For noop too: it repairs an announcement that failed earlier (§3.6).
        announce = reply.undeploy or reply.result == "noop"
        problem = await self._announce(Announcement(name)) if announce else ""
        if problem:
            text = f"Error notifying processors of newly undeployed manifest on delete. {problem}"
            return wadm.DeleteReply("error", text)
        return reply

    async def _delete_stored(self, name: str, version: str | None) -> wadm.DeleteReply:
        found = await self._store.get(name)
        if found is None:
            text = f"Application {name} doesn't exist or was already deleted"
            return wadm.DeleteReply("noop", text)
        stored, revision = found
        if version is not None and version not in stored.manifests:
            return wadm.DeleteReply("noop", f"Application version {version} doesn't exist")
        left = {v: m for v, m in stored.manifests.items() if version not in (None, v)}
        if not left:
            await self._store.remove_name(name)
            await self._store.purge(name)
            what = "last version of application" if version is not None else "application"
            return wadm.DeleteReply("deleted", f"Successfully deleted {what} {name}", True)
        was_deployed = stored.deployed_version == version
        deployed = None if was_deployed else stored.deployed_version
        await self._store.put(name, wadm.StoredManifest(left, deployed), revision)
        text = f"Successfully deleted version {version} of application {name}"
        return wadm.DeleteReply("deleted", text, was_deployed)

    async def _announce(self, news: Announcement) -> str:
        """Publish a manifest event; returns what went wrong, or ``""``."""
        event_id, now = str(uuid.uuid4()), _now_text()
        if news.manifest is not None:
            kind = "manifest_published"
            event = wadm.manifest_published(news.manifest, event_id=event_id, time=now)
        else:
            kind = "manifest_unpublished"
            event = wadm.manifest_unpublished(news.name, event_id=event_id, time=now)
        problem = await self._publish(kind, event)
        if self._announced is not None:
            # Also when nobody else could be told: it is stored, so it is what is wanted.
            await self._announced(event_id, news)
        return problem

    async def _publish(self, kind: str, event: bytes) -> str:
        """Publish, mending the streams once if that is what it takes; "" or what went wrong."""
        subject = wadm_event(self._lattice, kind)
        try:
            try:
                await self._js.publish(subject, event)
            except WorkbenchError as error:
                log.warning("%s could not be announced: %s", kind, error)
                await self._mend()
                await self._js.publish(subject, event)
        except WorkbenchError as error:
            return error.message
        return ""


def _parsed(message: Message) -> manifests.Manifest:
    kind = (message.headers or {}).get("Content-Type")
    formats: Mapping[str | None, manifests.Format | None] = {
        None: None,
        manifests.CONTENT_JSON: "json",
        manifests.CONTENT_YAML: "yaml",
    }
    if kind not in formats:
        raise Refused(
            f"Unable to parse manifest: Unsupported content type {kind} given. Wadm supports "
            "YAML and JSON"
        )
    try:
        return manifests.parse(message.data, format=formats[kind])
    except ManifestError as error:
        raise Refused(f"Unable to parse manifest: {error.message}") from error


def _stored(name: str, version: str, raw: Any) -> manifests.Manifest:
    try:
        return manifests.parse(raw)
    except ManifestError as error:
        raise Refused(
            f"The stored manifest of {name} {version} does not read: {error.message}"
        ) from error


def _version(operation: str, message: Message) -> str | None:
    try:
        return wadm.parse_version_request(message.data)
    except DecodeError as error:
        raise Refused(
            f"Unable to parse {operation} application request: {error.message}"
        ) from error


def _annotation(manifest: Any, key: str) -> str | None:
    try:
        value = manifest["metadata"]["annotations"][key]
    except (KeyError, TypeError):
        return None
    return value if isinstance(value, str) else None


def _debug_list(names: list[str]) -> str:
    return json.dumps(names, ensure_ascii=False)


def _now_text() -> str:
    nanoseconds = time.time_ns()
    moment = datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds % 1_000_000_000:09d}Z"


def _new_ulid() -> str:
    """A version for a manifest that has none: 48 bits of milliseconds, 80 of chance, base 32."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
