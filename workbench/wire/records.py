"""What a lattice keeps in its two JetStream buckets, and the rules for links.

LATTICEDATA holds ``COMPONENT_{id}`` (components and providers alike, with the links that start
there) and ``CLAIMS_{subject}``; CONFIGDATA holds named string maps
(events-and-lattice-data.md, part B). Link rules are pure functions over the links of one source
(control-interface.md §11), shared by the host and by clients.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from workbench.errors import DecodeError, UsageError
from workbench.wire.jsontext import always, decode, encode
from workbench.wire.subjects import is_token

__all__ = [
    "ClaimsRecord",
    "ComponentSpec",
    "Link",
    "ResolvedLink",
    "check_link",
    "claims_key",
    "component_key",
    "conflicting_link",
    "encode",
    "is_secret_name",
    "merge_configs",
    "parse_claims",
    "parse_component_spec",
    "parse_config",
    "parse_link",
    "split_interface",
    "split_key",
    "with_link",
    "without_link",
]


class Link(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Imports of ``source_id`` for ``ns:package/{interfaces}`` under ``name`` go to ``target``.

    ``interfaces`` are bare names without version; the config lists hold config *names*.
    """

    source_id: str
    target: str
    name: str = always("default")
    wit_namespace: str
    wit_package: str
    interfaces: tuple[str, ...]
    source_config: tuple[str, ...] = always(())
    target_config: tuple[str, ...] = always(())

    @property
    def id(self) -> str:
        """Stable text that names this link: what `same_slot` compares, and the target."""
        return f"{self.source_id}|{self.wit_namespace}:{self.wit_package}|{self.name}|{self.target}"

    def covers(self, interface: str) -> bool:
        """Whether calls to ``ns:package/interface`` (any version, or none) use this link."""
        package, _, bare = interface.partition("@")[0].partition("/")
        return package == f"{self.wit_namespace}:{self.wit_package}" and bare in self.interfaces

    def same_slot(self, other: Link) -> bool:
        """Same source, name and package: such links must not share an interface (§11.2)."""
        return (self.source_id, self.name, self.wit_namespace, self.wit_package) == (
            other.source_id,
            other.name,
            other.wit_namespace,
            other.wit_package,
        )


class ResolvedLink(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A link as a provider receives it: config *values*, sealed secrets (part B.5)."""

    source_id: str
    target: str
    name: str = always("default")
    wit_namespace: str
    wit_package: str
    interfaces: tuple[str, ...]
    source_config: dict[str, str] = always({})
    target_config: dict[str, str] = always({})
    source_secrets: tuple[int, ...] | None = always(None)
    target_secrets: tuple[int, ...] | None = always(None)


class ComponentSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """``COMPONENT_{id}``: the reference of the first start and all links from this id."""

    url: str
    links: tuple[Link, ...] = always(())


class ClaimsRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``CLAIMS_{subject}``: a component's if ``call_alias`` and ``tags`` are set, else a provider's."""

    call_alias: str | None = None
    issuer: str
    name: str
    revision: str
    subject: str
    tags: tuple[str, ...] | None = None
    version: str
    config_schema: str | None = None

    @property
    def is_component(self) -> bool:
        return self.call_alias is not None and self.tags is not None


class _ClaimsOnTheWire(msgspec.Struct, frozen=True, kw_only=True):
    """Every spelling that readers accept (part B.3)."""

    name: str
    version: str
    issuer: str | None = None
    iss: str | None = None
    revision: str | None = None
    rev: str | None = None
    subject: str | None = None
    sub: str | None = None
    call_alias: str | None = None
    tags: tuple[str, ...] | str | None = None
    config_schema: str | None = None


def component_key(component_id: str) -> str:
    """The LATTICEDATA key of a component or provider."""
    return f"COMPONENT_{component_id}"


def claims_key(subject: str) -> str:
    """The LATTICEDATA key of the claims of ``M…`` or ``V…``."""
    return f"CLAIMS_{subject}"


def split_key(key: str) -> tuple[str, str]:
    """Kind and id of a LATTICEDATA key, split at the *first* underscore; the id may be ``""``."""
    kind, _, name = key.partition("_")
    return kind, name


def parse_component_spec(data: bytes) -> ComponentSpec:
    """The value of ``COMPONENT_{id}``."""
    return decode(data, ComponentSpec, what="component spec")


def parse_link(data: bytes) -> Link:
    """A link as in ``link.put`` and ``linkdef_set``."""
    return decode(data, Link, what="link")


def parse_config(data: bytes) -> dict[str, str]:
    """The value of a config name: strings only, as hosts insist."""
    return decode(data, dict[str, str], what="config")


def parse_claims(data: bytes) -> ClaimsRecord:
    """The value of ``CLAIMS_{subject}``, short key names and comma-joined tags included."""
    raw = decode(data, _ClaimsOnTheWire, what="claims record")
    issuer, revision, subject = (
        raw.issuer or raw.iss,
        raw.revision or raw.rev,
        raw.subject or raw.sub,
    )
    if issuer is None or revision is None or subject is None:
        raise DecodeError("the claims record lacks its issuer, revision or subject")
    tags = raw.tags
    if isinstance(tags, str):
        tags = tuple(tag for tag in tags.split(",") if tag)
    return ClaimsRecord(
        call_alias=raw.call_alias,
        issuer=issuer,
        name=raw.name,
        revision=revision,
        subject=subject,
        tags=tags,
        version=raw.version,
        config_schema=raw.config_schema,
    )


def is_secret_name(config_name: str) -> bool:
    """Whether hosts treat this config name as a secret reference (part B.6)."""
    return config_name.startswith("SECRET")


def merge_configs(configs: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Several configs as one map; later names win key by key."""
    merged: dict[str, str] = {}
    for config in configs:
        merged.update(config)
    return merged


def check_link(link: Link) -> Link:
    """The link, if upstream's client would send it and NATS can carry its ids; else `UsageError`."""
    for value, label in (
        (link.source_id, "Source ID"),
        (link.target, "Target"),
        (link.name, "Link Name"),
        (link.wit_namespace, "WIT namespace"),
        (link.wit_package, "WIT package"),
    ):
        if not value.strip():
            raise UsageError(
                f"{label} cannot be empty", hint="a link has a source, a target and a name"
            )
    if not link.interfaces or not all(link.interfaces):
        raise UsageError(
            "a link needs at least one interface",
            hint=f"name an interface of {link.wit_namespace}:{link.wit_package}",
        )
    for value in (link.source_id, link.target):
        if not is_token(value):
            raise UsageError(
                f"the id {value!r} cannot be part of a NATS subject",
                hint="use letters, digits, '_' and '-'",
            )
    return link


def conflicting_link(links: Iterable[Link], new: Link) -> Link | None:
    """The link that forbids ``new``: same slot, another target, a common interface."""
    wanted = set(new.interfaces)
    for link in links:
        if link.same_slot(new) and link.target != new.target and wanted & set(link.interfaces):
            return link
    return None


def with_link(links: Sequence[Link], new: Link) -> tuple[Link, ...]:
    """``links`` with ``new`` put: replaced in place where slot and target agree, else appended."""
    for index, link in enumerate(links):
        if link.same_slot(new) and link.target == new.target:
            return (*links[:index], new, *links[index + 1 :])
    return (*links, new)


def without_link(
    links: Sequence[Link], *, source_id: str, name: str, wit_namespace: str, wit_package: str
) -> tuple[tuple[Link, ...], Link | None]:
    """``links`` without the first match, and that match; the last link takes its place (§11.3)."""
    slot: dict[str, Any] = {"interfaces": (), "target": ""}
    wanted = Link(
        source_id=source_id, name=name, wit_namespace=wit_namespace, wit_package=wit_package, **slot
    )
    for index, link in enumerate(links):
        if link.same_slot(wanted):
            rest = list(links)
            last = rest.pop()
            if index < len(rest):
                rest[index] = last
            return tuple(rest), link
    return tuple(links), None


# A misspelt name would make a link that no call ever finds. The words of a WIT name may be
# capitals, those of a package may not.
_PACKAGE_WORD = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_WIT_WORD = re.compile(r"([a-z][a-z0-9]*|[A-Z][A-Z0-9]*)(-([a-z0-9]+|[A-Z0-9]+))*")


def split_interface(text: str) -> tuple[str, str, tuple[str, ...]]:
    """``ns:pkg/a,b[@version]`` → namespace, package, interfaces. Links ignore versions."""
    head, slash, tail = text.partition("@")[0].partition("/")
    namespace, colon, package = head.partition(":")
    interfaces = tuple(part.strip() for part in tail.split(",") if part.strip())
    words = (*map(_PACKAGE_WORD.fullmatch, (namespace, package)),)
    words += (*(name == "*" or _WIT_WORD.fullmatch(name) for name in interfaces),)
    if not (colon and slash and interfaces and all(words)):
        raise UsageError(
            f"{text!r} is no interface",
            hint="write it as namespace:package/interface in small letters and '-', such as "
            "wasi:http/incoming-handler",
        )
    return namespace, package, interfaces
