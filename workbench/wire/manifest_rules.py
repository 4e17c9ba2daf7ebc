"""The validation rules of application manifests (wadm-api.md §9), each a small function.

A rule yields (path, finding) pairs. `RULES` is in the real server's order of evaluation, because
the server reports only the first error. Advice of ours (rules ``W…``) comes last and is never an
error, so that what the real server accepts is accepted here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from workbench.wire.document import Node, load_json
from workbench.wire.manifest import (
    Component,
    Finding,
    Link,
    Manifest,
    Path,
    SecretProperty,
    SpreadScaler,
    Trait,
    path_text,
)
from workbench.wire.manifest_reader import near, read_trait_shapes

__all__ = ["KNOWN_INTERFACES", "NAME_PATTERN", "RULES", "SECRET_POLICY", "check", "check_document"]

Found = Iterator[tuple[Path, Finding]]

# The real server's \w takes any letter, but a bucket key does not (§8.8).
NAME_PATTERN = re.compile(r"[-A-Za-z0-9_]+")
SECRET_POLICY = "policy.secret.wasmcloud.dev/v1alpha1"
_SCALERS = ("spreadscaler", "daemonscaler")

KNOWN_INTERFACES: dict[str, dict[str, tuple[str, ...]]] = {
    "wrpc": {
        "blobstore": ("blobstore",),
        "keyvalue": ("atomics", "store"),
        "http": ("incoming-handler", "outgoing-handler"),
    },
    "wasi": {
        "blobstore": ("blobstore",),
        "config": ("runtime",),
        "keyvalue": ("atomics", "store", "batch", "watch"),
        "http": ("incoming-handler", "outgoing-handler"),
        "logging": ("logging",),
    },
    "wasmcloud": {"messaging": ("consumer", "handler")},
}


def check(manifest: Manifest) -> list[tuple[Path, Finding]]:
    """Everything the rules find, in the order of evaluation."""
    return [found for rule in RULES for found in rule(manifest)]


def check_document(root: Node | None) -> list[Finding]:
    """The two warnings that only the text shows, because they read as the newer form (§9)."""
    findings: list[Finding] = []
    for path, trait in _trait_nodes(root):
        for old, new in (("source_config", "source:config:"), ("target_config", "target:config:")):
            members = trait.value if isinstance(trait.value, dict) else {}
            if old in members:
                text = f"one of the components' link trait contains a {old} key, please use {new} rather"
                node = members[old]
                findings.append(
                    Finding("warning", text, path_text((*path, old)), "V14", node.line, node.column)
                )
    return findings


def _trait_nodes(root: Node | None) -> Iterator[tuple[Path, Node]]:
    """The properties of every trait in a document that reads as a manifest."""
    if root is None:
        return
    for c, component in enumerate(root.find(("spec", "components")).value):
        traits = component.value.get("traits") or Node([])
        for t, trait in enumerate(traits.value or []):
            if trait.find(("type",)).value == "link":
                path = ("spec", "components", c, "traits", t, "properties")
                yield path, trait.find(("properties",))


def _error(rule: str, message: str, hint: str = "") -> Finding:
    return Finding("error", message, rule=rule, hint=hint)


def _warning(rule: str, message: str, hint: str = "") -> Finding:
    return Finding("warning", message, rule=rule, hint=hint)


def _components(manifest: Manifest) -> Iterator[tuple[Path, Component]]:
    for index, component in enumerate(manifest.components):
        yield ("spec", "components", index), component


def _traits(manifest: Manifest) -> Iterator[tuple[Path, Component, Trait]]:
    for path, component in _components(manifest):
        for index, trait in enumerate(component.traits):
            yield (*path, "traits", index), component, trait


def _links(manifest: Manifest) -> Iterator[tuple[Path, Component, Link]]:
    """Every trait whose properties read as a link, with the path of those properties."""
    for path, component, trait in _traits(manifest):
        if isinstance(trait.properties, Link) and trait.type == "link":
            yield (*path, "properties"), component, trait.properties


def _name(manifest: Manifest) -> Found:
    name = manifest.metadata.name
    if not NAME_PATTERN.fullmatch(name.strip()):
        text = f"manifest name [{name}] is not allowed (should match regex [^[-\\w]+$])"
        hint = f"try '{re.sub(r'[^-A-Za-z0-9_]+', '-', name).strip('-') or 'my-app'}'"
        yield ("metadata", "name"), _error("V1", text, hint)


def _version(manifest: Manifest) -> Found:
    if manifest.version == "latest":
        hint = "name a real version, or leave the annotation out to get one"
        path = ("metadata", "annotations", "version")
        yield path, _error("V2", "latest is not allowed in wadm", hint)


_KEY_NAME = re.compile(r"[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_KEY_PART = re.compile(r"[A-Za-z]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?")


def is_oam_key(key: str) -> bool:
    """``[prefix/]name`` with a DNS-like prefix (§9, key syntax)."""
    prefix, slash, name = key.partition("/")
    if not slash:
        return _KEY_NAME.fullmatch(key) is not None
    parts = prefix.split(".")
    return (
        len(prefix) <= 253
        and _KEY_NAME.fullmatch(name) is not None
        and all(_KEY_PART.fullmatch(part) for part in parts)
    )


def _oam_keys(manifest: Manifest) -> Found:
    sides = (("V3", "label", "labels"), ("V4", "annotation", "annotations"))
    for rule, word, field in sides:
        for key, value in getattr(manifest.metadata, field).items():
            if not is_oam_key(key):
                shown = f"({_debug(key)}, {_debug(value)})"
                yield ("metadata", field, key), _error(rule, f"Invalid OAM {word}: {shown}")


def _debug(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _unique(manifest: Manifest) -> Found:
    names: set[str] = set()
    ids: set[str] = set()
    for path, component in _components(manifest):
        if component.name in names:
            text = f"Duplicate component name in manifest: {component.name}"
            yield (*path, "name"), _error("V5", text)
        names.add(component.name)
        explicit = component.properties.id
        if explicit is not None and explicit in ids:
            text = f"Duplicate component identifier in manifest: {explicit}"
            yield (*path, "properties", "id"), _error("V6", text)
        if explicit is not None:
            ids.add(explicit)


def _targets_exist(manifest: Manifest) -> Found:
    names = [component.name for component in manifest.components]
    missing: dict[str, Path] = {}
    for path, _component, link in _links(manifest):
        if link.target.name not in names:
            missing.setdefault(link.target.name, (*path, "target"))
    if missing:
        listed = ", ".join(_debug(name) for name in missing)
        text = f"The following capability component(s) are missing from the manifest: [{listed}]"
        first = next(iter(missing))
        hint = near(first, names) or ("" if first else "give the link a 'target' with a 'name'")
        yield missing[first], _error("V7", text, hint)


def _interfaces(manifest: Manifest) -> Found:
    for path, _component, link in _links(manifest):
        packages = KNOWN_INTERFACES.get(link.namespace)
        if packages is None:
            continue
        known = packages.get(link.package, ())
        for index, interface in enumerate(link.interfaces):
            if interface not in known:
                text = f"unrecognized interface [{link.namespace}:{link.package}/{interface}]"
                hint = near(interface, known) if known else near(link.package, packages)
                where = (*path, "interfaces", index) if known else (*path, "package")
                yield where, _warning("V8", text, hint)


def _targets_listed(manifest: Manifest) -> Found:
    names = [component.name for component in manifest.components]
    for path, _component, link in _links(manifest):
        target = link.target.name
        if target not in names:
            which = f"name [{link.name}]" if link.name is not None else f"target [{target}]"
            text = f"link ({which}) target [{target}] is not a listed component"
            yield (*path, "target"), _warning("V9", text, near(target, names))
    for path, _component, trait in _traits(manifest):
        if trait.type == "link" and trait.is_custom:
            yield from _custom_target((*path, "properties"), trait.properties, names)


def _custom_target(path: Path, properties: Any, names: list[str]) -> Found:
    if not isinstance(properties, dict) or "target" not in properties:
        hint = "a link needs 'target: {name: <component>}'"
        yield path, _error("V9", "custom link is missing 'target' property", hint)
        return
    target = properties["target"]
    name = target.get("name") if isinstance(target, dict) else None
    if not isinstance(name, str):
        reasons = _why(path, properties, "link")
        text = "custom link is missing 'target' name property"
        yield (*path, "target"), _error("V9", text, reasons)
    elif name not in names:
        text = f"custom link target [{name}] is not a listed component"
        yield (*path, "target", "name"), _warning("V9", text, near(name, names))


def _secrets_of(manifest: Manifest) -> Iterator[tuple[Path, SecretProperty]]:
    for path, component in _components(manifest):
        for i, secret in enumerate(component.properties.secrets):
            yield (*path, "properties", "secrets", i), secret
    for path, _component, link in _links(manifest):
        for i, secret in enumerate(link.source.secrets if link.source else ()):
            yield (*path, "source", "secrets", i), secret
        for i, secret in enumerate(link.target.secrets):
            yield (*path, "target", "secrets", i), secret


def _policies(manifest: Manifest) -> Found:
    policies = {policy.name: policy for policy in manifest.spec.policies}
    for path, secret in _secrets_of(manifest):
        wanted = secret.properties.policy
        policy = policies.get(wanted)
        if policy is None:
            text = f"secret '{secret.name}' is mapped to unknown policy '{wanted}'"
            hint = near(wanted, policies)
        elif policy.type != SECRET_POLICY:
            text = (
                f"secret '{secret.name}' is mapped to policy '{wanted}' which is not a secret "
                f"policy. Expected type '{SECRET_POLICY}'"
            )
            hint = near(policy.type, (SECRET_POLICY,))
        elif "backend" not in policy.properties:
            text = (
                f"secret '{secret.name}' is mapped to policy '{wanted}' which does not include a "
                "'backend' property"
            )
            hint = ""
        else:
            continue
        yield (*path, "properties", "policy"), _error("VP", text, hint)


def _custom_traits(manifest: Manifest) -> Found:
    for path, _component, trait in _traits(manifest):
        if not trait.is_custom or trait.type not in ("link", *_SCALERS):
            continue
        word = "Link" if trait.type == "link" else "Scaler"
        shown = msgspec.json.encode(trait.properties, order="deterministic").decode()
        text = f"{word} trait deserialized as custom trait, ensure fields are correct: {shown}"
        path = (*path, "properties")
        yield path, _error("V10", text, _why(path, trait.properties, trait.type))


def _why(path: Path, properties: Any, wanted: str) -> str:
    """What keeps the properties from being a link or a scaler, as one line."""
    node = load_json(msgspec.json.encode(properties), places=False)
    reasons = [
        f"{f.path.removeprefix(path_text(path)).lstrip('.') or 'properties'}: {f.message}"
        + (f" ({f.hint})" if f.hint else "")
        for f in read_trait_shapes(node, path, wanted)
    ]
    return "; ".join(reasons)


def _images(manifest: Manifest) -> Found:
    for path, component in _components(manifest):
        properties, application = component.properties, component.properties.application
        path_p = (*path, "properties")
        if properties.image is not None and application is not None:
            text = "Component cannot have both 'image' and 'application' properties"
            yield path_p, _error("V11", text)
        if properties.image is None and application is None:
            text = "Component must have either 'image' or 'application' property"
            yield path_p, _error("V11", text)
        if application is None:
            continue
        start = f"Shared component '{application.name}' cannot"
        if properties.config:
            yield (*path_p, "config"), _error("V11", f"{start} specify additional 'config'")
        if properties.secrets:
            yield (*path_p, "secrets"), _error("V11", f"{start} specify additional 'secrets'")
        if any(isinstance(t.properties, SpreadScaler) for t in component.traits):
            yield (*path, "traits"), _error("V11", f"{start} include a scaler trait")


def _duplicate_links(manifest: Manifest) -> Found:
    seen: set[tuple[str, str, str, str, str]] = set()
    for path, component, link in _links(manifest):
        for index, interface in enumerate(link.interfaces):
            key = (component.name, link.link_name, link.namespace, link.package, interface)
            if key in seen:
                what = f"{link.link_name} ({link.namespace}:{link.package}/{interface})"
                text = f"Duplicate link found inside component '{component.name}': {what}"
                hint = "give one of the links another 'name'"
                yield (*path, "interfaces", index), _error("V12", text, hint)
            seen.add(key)


def _duplicate_configs(manifest: Manifest) -> Found:
    seen: set[str] = set()
    for path, _component, link in _links(manifest):
        sides = (
            ("source", link.source.config if link.source else ()),
            ("target", link.target.config),
        )
        for side, configs in sides:
            for index, config in enumerate(configs):
                if config.properties is None:
                    continue
                if config.name in seen:
                    text = f"Duplicate link config name found: '{config.name}'"
                    hint = "config names are shared by the whole application: pick another one"
                    yield (*path, side, "config", index, "name"), _error("V13", text, hint)
                seen.add(config.name)


def _advice(manifest: Manifest) -> Found:
    """What works differently than it looks (§8, §9 "not checked", §13)."""
    for path, component in _components(manifest):
        runs_nothing = component.type == "component" and component.properties.image is not None
        if runs_nothing and not any(t.type in _SCALERS for t in component.traits):
            text = (
                f"component '{component.name}' has no spreadscaler or daemonscaler and never starts"
            )
            hint = "add a trait 'spreadscaler' with 'instances: 1'"
            yield path, _warning("W2", text, hint)
        yield from _trait_advice(path, component)
        yield from _link_advice(manifest, path, component)


def _trait_advice(path: Path, component: Component) -> Found:
    for index, trait in enumerate(component.traits):
        where = (*path, "traits", index)
        if trait.type not in ("link", *_SCALERS):
            hint = near(trait.type, ("link", *_SCALERS))
            yield (*where, "type"), _warning("W3", f"trait type '{trait.type}' is ignored", hint)
        elif not trait.is_custom and trait.link is None and trait.scaler is None:
            text = f"the properties of this {trait.type} are those of another trait; it is ignored"
            yield where, _warning("W3", text)
        scaler = trait.scaler
        if scaler is not None and scaler.spread and not any(s.weight != 0 for s in scaler.spread):
            yield (*where, "properties", "spread"), _warning("W4", "all weights are 0")


def _link_advice(manifest: Manifest, path: Path, component: Component) -> Found:
    types = {c.name: c.type for c in manifest.components}
    for index, trait in enumerate(component.traits):
        link = trait.link
        if link is None or component.type != "capability":
            continue
        if types.get(link.target.name) == "capability":
            text = (
                f"a provider can't link to the provider '{link.target.name}'; the link is dropped"
            )
            yield (*path, "traits", index), _warning("W5", text)


def _config_values(manifest: Manifest) -> Found:
    """Configs of one application share their names (§10.2): two values under one name fight."""
    seen: dict[str, dict[str, str]] = {}
    for path, component in _components(manifest):
        for index, config in enumerate(component.properties.config):
            if config.properties is None:
                continue
            if seen.setdefault(config.name, config.properties) != config.properties:
                text = f"config '{config.name}' has two different values in this application"
                hint = "config names are shared by the whole application: pick another one"
                yield (*path, "properties", "config", index, "name"), _warning("W6", text, hint)


RULES: tuple[Callable[[Manifest], Found], ...] = (
    _name,
    _version,
    _oam_keys,
    _unique,
    _targets_exist,
    _interfaces,
    _targets_listed,
    _policies,
    _custom_traits,
    _images,
    _duplicate_links,
    _duplicate_configs,
    _advice,
    _config_values,
)
