"""Application manifests: the model, and reading one out of YAML or JSON with all its findings.

Strict and lax parts, aliases and the normalised form are those of wadm-types 0.8.3
(wadm-api.md §7, §8). `parse` gives a `Manifest` or raises `ManifestError` with everything that is
wrong; `examine` adds the validation rules of `workbench.wire.manifest_rules` and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from workbench.errors import DecodeError, ManifestError
from workbench.wire.document import Node, load_json, load_yaml

__all__ = [
    "CONTENT_JSON", "CONTENT_YAML", "SHARED_ANNOTATION", "Application", "Component",
    "ConfigProperty", "Examined", "Finding", "Link", "LinkSource", "LinkTarget", "Manifest",
    "Metadata", "Path", "Policy", "Properties", "SecretProperty", "SecretSource", "Spec", "Spread",
    "SpreadScaler", "Trait", "examine", "parse", "path_text", "validate",
]  # fmt: skip

SHARED_ANNOTATION = "experimental.wasmcloud.dev/shared"
CONTENT_JSON = "application/json"
CONTENT_YAML = "application/yaml"

Path = tuple[str | int, ...]
Format = Literal["yaml", "json"]

# Characters that JSON strings may hold as they are, but that YAML folds like a line break or
# refuses: they go out escaped, which both read.
_NOT_PLAIN_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


class ConfigProperty(msgspec.Struct, frozen=True, omit_defaults=True):
    """A named config; without ``properties`` it is expected to exist under exactly this name."""

    name: str
    properties: dict[str, str] | None = None


class SecretSource(msgspec.Struct, frozen=True, omit_defaults=True):
    policy: str
    key: str
    field: str | None = None
    version: str | None = None


class SecretProperty(msgspec.Struct, frozen=True):
    name: str
    properties: SecretSource


class Application(msgspec.Struct, frozen=True):
    """A component that another, shared application runs (§7.7)."""

    name: str
    component: str


class Properties(msgspec.Struct, frozen=True, omit_defaults=True):
    image: str | None = None
    application: Application | None = None
    id: str | None = None
    config: tuple[ConfigProperty, ...] = ()
    secrets: tuple[SecretProperty, ...] = ()


class Spread(msgspec.Struct, frozen=True, omit_defaults=True):
    """Host labels that must match; written even when empty, or it would not be read back (§8.3)."""

    name: str
    requirements: dict[str, str]
    weight: int | None = None


class SpreadScaler(msgspec.Struct, frozen=True, omit_defaults=True):
    instances: int
    spread: tuple[Spread, ...] = ()


class LinkSource(msgspec.Struct, frozen=True, omit_defaults=True):
    config: tuple[ConfigProperty, ...] = ()
    secrets: tuple[SecretProperty, ...] = ()


class LinkTarget(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    config: tuple[ConfigProperty, ...] = ()
    secrets: tuple[SecretProperty, ...] = ()


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    namespace: str
    package: str
    interfaces: tuple[str, ...]
    source: LinkSource | None = None
    target: LinkTarget = LinkTarget("")
    name: str | None = None

    @property
    def link_name(self) -> str:
        return self.name if self.name is not None else "default"

    @property
    def configs(self) -> tuple[ConfigProperty, ...]:
        """Source configs, then target configs."""
        return (*(self.source.config if self.source else ()), *self.target.config)

    @property
    def secrets(self) -> tuple[SecretProperty, ...]:
        return (*(self.source.secrets if self.source else ()), *self.target.secrets)


class Trait(msgspec.Struct, frozen=True):
    """``properties`` is the first shape that fits, whatever ``type`` says; else plain JSON (§7.5)."""

    type: str
    properties: Any

    @property
    def link(self) -> Link | None:
        fits = self.type == "link" and isinstance(self.properties, Link)
        return self.properties if fits else None

    @property
    def scaler(self) -> SpreadScaler | None:
        fits = self.type in ("spreadscaler", "daemonscaler")
        return self.properties if fits and isinstance(self.properties, SpreadScaler) else None

    @property
    def is_custom(self) -> bool:
        return not isinstance(self.properties, Link | SpreadScaler)


class Component(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    type: Literal["component", "capability"]
    properties: Properties
    traits: tuple[Trait, ...] = ()

    @property
    def links(self) -> tuple[Link, ...]:
        return tuple(trait.link for trait in self.traits if trait.link is not None)

    @property
    def scalers(self) -> tuple[Trait, ...]:
        return tuple(trait for trait in self.traits if trait.scaler is not None)


class Policy(msgspec.Struct, frozen=True):
    name: str
    type: str
    properties: dict[str, str]


class Metadata(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    # Written even when empty: real wadm leaves it out then, and refuses what it wrote (§8).
    annotations: dict[str, str]
    labels: dict[str, str] = {}


class Spec(msgspec.Struct, frozen=True, omit_defaults=True):
    # Written even when empty: readers require the key.
    components: tuple[Component, ...]
    policies: tuple[Policy, ...] = ()


class Manifest(msgspec.Struct, frozen=True, rename={"api_version": "apiVersion"}):
    """One application. `to_obj` is the normalised form that is stored and sent (§7.8)."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: Spec

    @property
    def name(self) -> str:
        """The application name as the server uses it: without white space around it."""
        return self.metadata.name.strip()

    @property
    def version(self) -> str | None:
        return self.metadata.annotations.get("version")

    @property
    def description(self) -> str | None:
        return self.metadata.annotations.get("description")

    @property
    def shared(self) -> bool:
        return self.metadata.annotations.get(SHARED_ANNOTATION) == "true"

    @property
    def components(self) -> tuple[Component, ...]:
        return self.spec.components

    def with_version(self, version: str) -> Manifest:
        annotations = dict(sorted({**self.metadata.annotations, "version": version}.items()))
        metadata = msgspec.structs.replace(self.metadata, annotations=annotations)
        return msgspec.structs.replace(self, metadata=metadata)

    def to_obj(self) -> dict[str, Any]:
        """Plain dicts and lists in the key order of the real server."""
        return msgspec.json.decode(self.to_json())

    def to_json(self) -> bytes:
        """Compact JSON that a YAML reader reads alike: servers try YAML first (wadm-api.md §2)."""
        text = msgspec.json.encode(self).decode()
        return _NOT_PLAIN_IN_YAML.sub(lambda c: f"\\u{ord(c[0]):04x}", text).encode()


class Finding(msgspec.Struct, frozen=True):
    """Something about a manifest; ``line`` and ``column`` are 0 where they are unknown.

    ``rule`` is the number in wadm-api.md §9, ``parse`` for what does not even read, and ``W…`` for
    advice of ours that the real server does not give.
    """

    level: Literal["error", "warning"]
    message: str
    path: str = ""
    rule: str = "parse"
    line: int = 0
    column: int = 0
    hint: str = ""

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        place = f"line {self.line}{column}: " if self.line else ""
        where = f" (at {self.path})" if self.path else ""
        return f"[{self.level}] {place}{self.message}{where}"


class Examined(msgspec.Struct, frozen=True):
    """What a text is: a manifest where it reads as one, and everything found."""

    manifest: Manifest | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.level == "error")

    @property
    def valid(self) -> bool:
        return self.manifest is not None and not self.errors


def path_text(path: Path) -> str:
    """``("spec", "components", 0)`` → ``spec.components[0]``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def parse(data: str | bytes | Mapping[str, Any], *, format: Format | None = None) -> Manifest:
    """Read a manifest; YAML first and then JSON unless ``format`` says which.

    Raises `ManifestError`; its ``findings`` list all that keeps the text from being a manifest.
    """
    manifest, _root, findings = _read(data, format)
    if manifest is None:
        raise failed(findings)
    return manifest


def failed(findings: tuple[Finding, ...]) -> ManifestError:
    """The error that carries ``findings``, named by the first of them."""
    first = next((f for f in findings if f.level == "error"), findings[0])
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    place = f"line {first.line}: " if first.line else ""
    where = f" at {first.path}" if first.path else ""
    return ManifestError(f"{place}{first.message}{where}{more}", hint=first.hint, findings=findings)


def examine(data: str | bytes | Mapping[str, Any], *, format: Format | None = None) -> Examined:
    """Everything there is to say about a manifest text, in the order of the document's rules."""
    from workbench.wire.manifest_rules import check, check_document

    manifest, root, findings = _read(data, format)
    if manifest is None:
        return Examined(None, findings)
    found = [*findings, *(place(root, path, f) for path, f in check(manifest))]
    found += check_document(root)
    return Examined(manifest, tuple(found))


def validate(manifest: Manifest) -> list[Finding]:
    """The findings of wadm-api.md §9, in the real server's order, then advice of ours."""
    from workbench.wire.manifest_rules import check

    return [msgspec.structs.replace(f, path=path_text(path)) for path, f in check(manifest)]


def place(root: Node | None, path: Path, finding: Finding) -> Finding:
    """The finding with its path and, where the text is known, its line."""
    node = root.find(path) if root is not None else Node(None)
    return msgspec.structs.replace(
        finding, path=path_text(path), line=node.line, column=node.column
    )


def _read(
    data: str | bytes | Mapping[str, Any], format: Format | None
) -> tuple[Manifest | None, Node | None, tuple[Finding, ...]]:
    from workbench.wire.manifest_reader import read_manifest

    try:
        root = _document(data, format)
    except DecodeError as error:
        line, column = error.fields.get("line", 0), error.fields.get("column", 0)
        return None, None, (Finding("error", error.message, line=line, column=column),)
    manifest, findings = read_manifest(root)
    return manifest, root, tuple(findings)


def _document(data: str | bytes | Mapping[str, Any], format: Format | None) -> Node:
    if not isinstance(data, str | bytes):
        try:
            return load_json(msgspec.json.encode(data), places=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise DecodeError(f"the manifest is not plain data: {error}") from error
    if format == "json":
        return load_json(data)
    try:
        return load_yaml(data)
    except DecodeError as not_yaml:
        if format == "yaml":
            raise
        try:
            return load_json(data)
        except DecodeError:
            raise not_yaml from None
