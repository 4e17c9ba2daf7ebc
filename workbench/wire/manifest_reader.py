"""From a document tree to a `Manifest`: strict and lax maps, aliases, the shapes of traits.

Every reader method returns a usable value even when it reports a finding, so one pass finds all
that is wrong. Where the real server's parser is strict about text (`port: 8080` under a component
is refused, `version: 1.0` under metadata is taken as text) so is this one (wadm-api.md §7, §8).
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterable
from typing import TypeVar

from workbench.wire.document import Node, plain
from workbench.wire.manifest import (
    Application,
    Component,
    ConfigProperty,
    Finding,
    Link,
    LinkSource,
    LinkTarget,
    Manifest,
    Metadata,
    Path,
    Policy,
    Properties,
    SecretProperty,
    SecretSource,
    Spec,
    Spread,
    SpreadScaler,
    Trait,
    path_text,
)

__all__ = ["near", "read_manifest", "read_trait_shapes"]

T = TypeVar("T")


def near(word: str, known: Iterable[str]) -> str:
    """A hint that names what was probably meant, or ``""``."""
    return _near(word, tuple(known))


# A manifest asks the same of every component: each scaler trait is tried as a link first.
@functools.lru_cache(maxsize=4096)
def _near(word: str, known: tuple[str, ...]) -> str:
    # One that is nearly the same needs no alternative.
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.85)
    found = found or difflib.get_close_matches(word, known, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(repr(name) for name in found)}?" if found else ""


def read_manifest(root: Node) -> tuple[Manifest | None, list[Finding]]:
    """The manifest, or None when anything in it does not read; with all findings."""
    reader = _Reader()
    manifest = _manifest(reader, root)
    return (None if reader.failed else manifest), reader.findings


def read_trait_shapes(node: Node, path: Path, wanted: str) -> list[Finding]:
    """Why the properties of a trait do not have the shape that its type wants."""
    reader = _Reader()
    if wanted == "link":
        _link(reader, node, path)
    else:
        _spread_scaler(reader, node, path)
    return reader.findings


class _Reader:
    """Typed access to nodes; collects findings."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.failed = False

    def report(self, node: Node, path: Path, message: str, hint: str = "") -> None:
        self.failed = True
        self.findings.append(
            Finding("error", message, path_text(path), "parse", node.line, node.column, hint)
        )

    def fields(
        self, node: Node, path: Path, known: tuple[str, ...], *, strict: bool
    ) -> dict[str, Node]:
        """The members of a map; in a strict one every unknown key is an error."""
        if not isinstance(node.value, dict):
            self.report(node, path, f"expected a map, found {node.kind}")
            return {}
        for key, line, column in node.doubled:
            self.report(Node(None, line, column), (*path, key), f"the key '{key}' comes twice")
        for key, item in node.value.items():
            if key in known:
                continue
            if strict:
                expected = ", ".join(k for k in known if k not in ("replicas",))
                hint = near(key, known) or f"known here: {expected}"
                self.report(item, (*path, key), f"unknown field `{key}`", hint)
            elif hint := near(key, known):
                # Lax maps drop what they don't know (§8.5): only a near miss is worth a word.
                self.findings.append(
                    Finding("warning", f"the field `{key}` is not known and will be dropped",
                            path_text((*path, key)), "W1", item.line, item.column, hint)
                )  # fmt: skip
        return node.value

    def required(self, parent: Node, fields: dict[str, Node], path: Path, key: str) -> Node | None:
        if key in fields:
            return fields[key]
        if isinstance(parent.value, dict):
            self.report(parent, path, f"missing field `{key}`")
        return None

    def text(self, node: Node | None, path: Path, *, unquoted: bool = False) -> str:
        """A string; with ``unquoted`` also the source text of a bare number or word (§8.1)."""
        if node is None:
            return ""
        if isinstance(node.value, str):
            return node.value
        if unquoted and node.raw is not None:
            return node.raw
        shown = node.raw if node.raw is not None else None
        hint = f'put it in quotes: "{shown}"' if shown else ""
        self.report(node, path, f"expected a string, found {node.kind}", hint)
        return ""

    def optional_text(self, node: Node | None, path: Path) -> str | None:
        return None if node is None or node.value is None else self.text(node, path)

    def texts(self, node: Node | None, path: Path, *, unquoted: bool = False) -> dict[str, str]:
        """A map from strings to strings."""
        if node is None:
            return {}
        if not isinstance(node.value, dict):
            self.report(node, path, f"expected a map of strings, found {node.kind}")
            return {}
        for key, line, column in node.doubled:
            self.report(Node(None, line, column), (*path, key), f"the key '{key}' comes twice")
        return {
            key: self.text(item, (*path, key), unquoted=unquoted)
            for key, item in node.value.items()
        }

    def items(
        self, node: Node | None, path: Path, read: Callable[[_Reader, Node, Path], T]
    ) -> tuple[T, ...]:
        if node is None:
            return ()
        if not isinstance(node.value, list):
            self.report(node, path, f"expected a list, found {node.kind}")
            return ()
        return tuple(read(self, item, (*path, i)) for i, item in enumerate(node.value))

    def whole(self, node: Node, path: Path) -> int:
        """An integer from 0 up."""
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int):
            hint = "write a whole number without quotes" if isinstance(value, str) else ""
            self.report(node, path, f"expected a whole number, found {node.kind}", hint)
            return 0
        if not 0 <= value < 2**64:
            self.report(node, path, f"{node.raw or value} is not a number from 0 up")
            return 0
        return value


def _manifest(r: _Reader, root: Node) -> Manifest:
    fields = r.fields(root, (), ("apiVersion", "kind", "metadata", "spec"), strict=True)
    version = r.text(r.required(root, fields, (), "apiVersion"), ("apiVersion",), unquoted=True)
    kind = r.text(r.required(root, fields, (), "kind"), ("kind",), unquoted=True)
    metadata = r.required(root, fields, (), "metadata")
    spec = r.required(root, fields, (), "spec")
    return Manifest(
        version,
        kind,
        _metadata(r, metadata, ("metadata",)) if metadata is not None else Metadata("", {}),
        _spec(r, spec, ("spec",)) if spec is not None else Spec(()),
    )


def _metadata(r: _Reader, node: Node, path: Path) -> Metadata:
    fields = r.fields(node, path, ("name", "annotations", "labels"), strict=False)
    name = r.text(r.required(node, fields, path, "name"), (*path, "name"), unquoted=True)
    if "annotations" not in fields and isinstance(node.value, dict):
        hint = "add 'annotations: {description: …}': the key must be there and not empty"
        r.report(node, path, "missing field `annotations`", hint)
    annotations = r.texts(fields.get("annotations"), (*path, "annotations"), unquoted=True)
    labels = r.texts(fields.get("labels"), (*path, "labels"), unquoted=True)
    return Metadata(name, dict(sorted(annotations.items())), dict(sorted(labels.items())))


def _spec(r: _Reader, node: Node, path: Path) -> Spec:
    fields = r.fields(node, path, ("components", "policies"), strict=False)
    components = r.required(node, fields, path, "components")
    return Spec(
        r.items(components, (*path, "components"), _component),
        r.items(fields.get("policies"), (*path, "policies"), _policy),
    )


def _policy(r: _Reader, node: Node, path: Path) -> Policy:
    fields = r.fields(node, path, ("name", "type", "properties"), strict=False)
    properties = r.required(node, fields, path, "properties")
    return Policy(
        r.text(r.required(node, fields, path, "name"), (*path, "name"), unquoted=True),
        r.text(r.required(node, fields, path, "type"), (*path, "type"), unquoted=True),
        r.texts(properties, (*path, "properties"), unquoted=True),
    )


def _component(r: _Reader, node: Node, path: Path) -> Component:
    fields = r.fields(node, path, ("name", "type", "properties", "traits"), strict=False)
    name = r.text(r.required(node, fields, path, "name"), (*path, "name"))
    type_node = r.required(node, fields, path, "type")
    type_name = r.text(type_node, (*path, "type"))
    if type_name == "actor":
        type_name = "component"
    known = type_name in ("component", "capability")
    if not known and type_node is not None and isinstance(type_node.value, str):
        hint = "a provider is a 'capability'" if type_name == "provider" else ""
        hint = hint or near(type_name, ("component", "capability"))
        r.report(type_node, (*path, "type"), f"unknown component type `{type_name}`", hint)
    properties = r.required(node, fields, path, "properties")
    traits = fields.get("traits")
    if traits is not None and traits.value is None:
        traits = None
    return Component(
        name,
        "capability" if type_name == "capability" else "component",
        _properties(r, properties, (*path, "properties")) if properties else Properties(),
        r.items(traits, (*path, "traits"), _trait),
    )


def _properties(r: _Reader, node: Node, path: Path) -> Properties:
    known = ("image", "application", "id", "config", "secrets")
    fields = r.fields(node, path, known, strict=True)
    application = fields.get("application")
    shared = None
    if application is not None and application.value is not None:
        shared = _application(r, application, (*path, "application"))
    return Properties(
        r.optional_text(fields.get("image"), (*path, "image")),
        shared,
        r.optional_text(fields.get("id"), (*path, "id")),
        r.items(fields.get("config"), (*path, "config"), _config),
        r.items(fields.get("secrets"), (*path, "secrets"), _secret),
    )


def _application(r: _Reader, node: Node, path: Path) -> Application:
    fields = r.fields(node, path, ("name", "component"), strict=False)
    return Application(
        r.text(r.required(node, fields, path, "name"), (*path, "name")),
        r.text(r.required(node, fields, path, "component"), (*path, "component")),
    )


def _config(r: _Reader, node: Node, path: Path) -> ConfigProperty:
    fields = r.fields(node, path, ("name", "properties"), strict=True)
    properties = fields.get("properties")
    if properties is not None and properties.value is None:
        properties = None
    return ConfigProperty(
        r.text(r.required(node, fields, path, "name"), (*path, "name")),
        r.texts(properties, (*path, "properties")) if properties is not None else None,
    )


def _secret(r: _Reader, node: Node, path: Path) -> SecretProperty:
    fields = r.fields(node, path, ("name", "properties"), strict=False)
    name = r.text(r.required(node, fields, path, "name"), (*path, "name"))
    properties = r.required(node, fields, path, "properties")
    if properties is None:
        return SecretProperty(name, SecretSource("", ""))
    path = (*path, "properties")
    inner = r.fields(properties, path, ("policy", "key", "field", "version"), strict=False)
    return SecretProperty(
        name,
        SecretSource(
            r.text(r.required(properties, inner, path, "policy"), (*path, "policy")),
            r.text(r.required(properties, inner, path, "key"), (*path, "key")),
            r.optional_text(inner.get("field"), (*path, "field")),
            r.optional_text(inner.get("version"), (*path, "version")),
        ),
    )


def _trait(r: _Reader, node: Node, path: Path) -> Trait:
    fields = r.fields(node, path, ("type", "properties"), strict=True)
    type_name = r.text(r.required(node, fields, path, "type"), (*path, "type"))
    properties = r.required(node, fields, path, "properties")
    if properties is None:
        return Trait(type_name, {})
    path = (*path, "properties")
    for shape in (_link, _spread_scaler):
        attempt = _Reader()
        value = shape(attempt, properties, path)
        if not attempt.failed:
            r.findings += attempt.findings
            return Trait(type_name, value)
    # What makes the real server panic (§8.6) is an error here, not plain JSON.
    _refuse_odd_link(r, properties, path)
    return Trait(type_name, plain(properties))


def _refuse_odd_link(r: _Reader, node: Node, path: Path) -> None:
    if not isinstance(node.value, dict) or not {"namespace", "package", "interfaces"} <= set(
        node.value
    ):
        return
    for key in ("namespace", "package", "name"):
        if key in node.value and not isinstance(node.value[key].value, str):
            r.text(node.value[key], (*path, key))
    interfaces = node.value["interfaces"]
    r.items(interfaces, (*path, "interfaces"), lambda r, item, where: r.text(item, where))


def _spread_scaler(r: _Reader, node: Node, path: Path) -> SpreadScaler:
    fields = r.fields(node, path, ("instances", "replicas", "spread"), strict=True)
    count = fields.get("instances", fields.get("replicas"))
    if count is None:
        count = r.required(node, fields, path, "instances")
    elif "instances" in fields and "replicas" in fields:
        r.report(fields["replicas"], (*path, "replicas"), "duplicate field `instances`")
    return SpreadScaler(
        r.whole(count, (*path, "instances")) if count is not None else 0,
        r.items(fields.get("spread"), (*path, "spread"), _spread),
    )


def _spread(r: _Reader, node: Node, path: Path) -> Spread:
    fields = r.fields(node, path, ("name", "requirements", "weight"), strict=True)
    weight = fields.get("weight")
    return Spread(
        r.text(r.required(node, fields, path, "name"), (*path, "name")),
        r.texts(fields.get("requirements"), (*path, "requirements")),
        None if weight is None or weight.value is None else r.whole(weight, (*path, "weight")),
    )


_LINK_KEYS = ("namespace", "package", "interfaces", "target", "source", "name",
              "source_config", "target_config")  # fmt: skip


def _link(r: _Reader, node: Node, path: Path) -> Link:
    fields = r.fields(node, path, _LINK_KEYS, strict=False)
    target_node = fields.get("target")
    source: LinkSource | None = None
    if "source" in fields and fields["source"].value is not None:
        config, secrets = _link_end(r, fields["source"], (*path, "source"), ("config", "secrets"))
        source = LinkSource(config, secrets)
    elif "source_config" in fields:
        source = LinkSource(r.items(fields["source_config"], (*path, "source_config"), _config))
    return Link(
        r.text(r.required(node, fields, path, "namespace"), (*path, "namespace")),
        r.text(r.required(node, fields, path, "package"), (*path, "package")),
        r.items(
            r.required(node, fields, path, "interfaces"),
            (*path, "interfaces"),
            lambda r, item, where: r.text(item, where),
        ),
        source,
        _target(r, target_node, fields, path),
        r.text(fields["name"], (*path, "name")) if "name" in fields else None,
    )


def _target(r: _Reader, node: Node | None, fields: dict[str, Node], path: Path) -> LinkTarget:
    if node is None:
        return LinkTarget("")
    if isinstance(node.value, str):
        config = r.items(fields.get("target_config"), (*path, "target_config"), _config)
        return LinkTarget(node.value, config)
    path = (*path, "target")
    config, secrets = _link_end(r, node, path, ("name", "config", "secrets"))
    members = node.value if isinstance(node.value, dict) else {}
    return LinkTarget(
        r.text(r.required(node, members, path, "name"), (*path, "name")), config, secrets
    )


def _link_end(
    r: _Reader, node: Node, path: Path, known: tuple[str, ...]
) -> tuple[tuple[ConfigProperty, ...], tuple[SecretProperty, ...]]:
    fields = r.fields(node, path, known, strict=False)
    return (
        r.items(fields.get("config"), (*path, "config"), _config),
        r.items(fields.get("secrets"), (*path, "secrets"), _secret),
    )
