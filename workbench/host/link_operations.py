"""``link.put``, ``link.del`` and ``link.get`` (control-interface.md §11).

They change the bucket and tell providers of other hosts; the link table of this host changes only
when the bucket delivers the new spec.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.errors import NatsError
from workbench.host.control_server import Answer, Handler, Request
from workbench.host.failures import StepFailed, error_chain, outermost
from workbench.host.keys import MAX_NAME_BYTES
from workbench.host.link_delivery import bare_link, resolve_link
from workbench.wire import subjects
from workbench.wire.control import DeleteLink, accepted, answered, refused
from workbench.wire.events import LinkdefDeleted, LinkdefSet, LinkdefSetFailed
from workbench.wire.records import (
    ComponentSpec,
    Link,
    ResolvedLink,
    conflicting_link,
    encode,
    is_secret_name,
    with_link,
    without_link,
)

if TYPE_CHECKING:
    from workbench.host.config import ConfigStore
    from workbench.host.lattice_data import LatticeData
    from workbench.host.links import LinkTable
    from workbench.host.publisher import EventPublisher
    from workbench.nats import Connection

__all__ = ["LinkOperations"]

_log = logging.getLogger(__name__)

_CONFLICT = (
    "link already exists with different target, consider deleting the existing link or using a "
    "different link name"
)


class _Deletion(NamedTuple):
    spec_exists: bool
    removed: Link | None


class LinkOperations:
    """Handlers of the lattice-wide link operations."""

    def __init__(
        self,
        nc: Connection,
        *,
        lattice: str,
        data: LatticeData,
        configs: ConfigStore,
        links: LinkTable,
        publisher: EventPublisher,
    ) -> None:
        self._nc = nc
        self._lattice = lattice
        self._data = data
        self._configs = configs
        self._links = links
        self._publisher = publisher

    def handlers(self) -> Mapping[str, Handler]:
        return {"link.put": self.put, "link.del": self.delete, "link.get": self.get}

    async def get(self, request: Request) -> Answer:
        return Answer(answered(self._links.all()))

    async def put(self, request: Request) -> Answer:
        link: Link = request.body
        try:
            await self._check_configs(link)
            await self._store(link)
            await self._push(link)
        except (StepFailed, NatsError) as error:
            await self._publisher.publish(
                LinkdefSetFailed(**_fields(link), error=error_chain(error))
            )
            return Answer(refused(outermost(error)))
        await self._publisher.publish(LinkdefSet(**_fields(link)))
        return Answer(accepted("successfully set link"))

    async def delete(self, request: Request) -> Answer:
        body: DeleteLink = request.body

        def remove(spec: ComponentSpec | None) -> tuple[ComponentSpec | None, _Deletion]:
            if spec is None:
                return None, _Deletion(False, None)
            rest, removed = without_link(
                spec.links,
                source_id=body.source_id,
                name=body.name,
                wit_namespace=body.wit_namespace,
                wit_package=body.wit_package,
            )
            return ComponentSpec(spec.url, rest), _Deletion(True, removed)

        found, removed = await self._data.change_spec(body.source_id, remove)
        if not found:
            return Answer(accepted("successfully deleted link (spec doesn't exist)"))
        if removed is not None:
            await self._announce(subjects.linkdef_del, bare_link(removed))
        await self._publisher.publish(
            LinkdefDeleted(
                source_id=body.source_id,
                name=body.name,
                wit_namespace=body.wit_namespace,
                wit_package=body.wit_package,
                target=removed.target if removed is not None else None,
                interfaces=removed.interfaces if removed is not None else None,
            )
        )
        return Answer(accepted("successfully deleted link"))

    async def _check_configs(self, link: Link) -> None:
        """Every named config must exist; all failures are named in one text (§11.2 step 1)."""
        missing = ""
        for name in (*link.source_config, *link.target_config):
            if not await self._exists(name):
                what = "Secret reference" if is_secret_name(name) else "Configuration"
                missing += f"{what} {name} not found in config store. "
        if missing:
            raise StepFailed(f"Failed to validate configuration and secrets. {missing}")

    async def _exists(self, name: str) -> bool:
        try:
            return await self._configs.exists(name)
        except NatsError as error:
            # A name that can be no key is a name that is not there.
            _log.info("config %r: %s", name, error)
            return False

    async def _store(self, link: Link) -> None:
        def put(spec: ComponentSpec | None) -> tuple[ComponentSpec | None, bool]:
            known = spec if spec is not None else ComponentSpec(url="")
            if conflicting_link(known.links, link) is not None:
                return None, False
            return ComponentSpec(known.url, with_link(known.links, link)), True

        if not await self._data.change_spec(link.source_id, put):
            raise StepFailed(_CONFLICT)

    async def _push(self, link: Link) -> None:
        """The compatible put to both ends: other hosts' built-in providers depend on it
        (providers.md §7.3). Links with secrets are not pushed."""
        if any(is_secret_name(name) for name in (*link.source_config, *link.target_config)):
            return
        try:
            resolved = await resolve_link(self._configs, link)
        except StepFailed as error:
            raise StepFailed("failed to resolve link config") from error
        await self._announce(subjects.linkdef_put, resolved)

    async def _announce(self, subject_of: Callable[[str, str], str], link: ResolvedLink) -> None:
        for receiver in (link.source_id, link.target):
            if not subjects.is_token(receiver) or len(receiver) > MAX_NAME_BYTES:
                _log.warning("%r can't be told of its link: it is no NATS token", receiver[:80])
                continue
            await self._nc.publish(subject_of(self._lattice, receiver), encode(link))


def _fields(link: Link) -> dict[str, Any]:
    return {name: getattr(link, name) for name in Link.__struct_fields__}
