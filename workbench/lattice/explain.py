"""Why can SOURCE not call TARGET over INTERFACE? Findings in plain words, each with its cure.

Pure over a `LatticeState`. The order of findings is the order in which to mend them. Routing
rules: interfaces.md §2; the config a link names: control-interface.md §11.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from workbench.errors import UsageError
from workbench.lattice.state import ComponentState, LatticeState, ProviderState
from workbench.wire.records import Link

__all__ = ["Finding", "InterfaceName", "explain"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause. ``command`` mends it, or shows more where only a person can decide."""

    text: str
    command: str = ""

    def __str__(self) -> str:
        return f"{self.text}\n  {self.command}" if self.command else self.text


@dataclass(frozen=True, slots=True)
class InterfaceName:
    """``ns:package/interface`` with its version, if one was given."""

    namespace: str
    package: str
    interface: str
    version: str = ""

    @classmethod
    def parse(cls, text: str) -> InterfaceName:
        """Of ``ns:pkg/iface``, ``ns:pkg/iface@1.0.0`` or either with ``.function`` behind."""
        match = _INTERFACE.fullmatch(text.strip())
        if match is None:
            raise UsageError(
                f"{text!r} is not an interface", hint="write it like wasi:keyvalue/store"
            )
        return cls(match["namespace"], match["package"], match["interface"], match["version"] or "")

    @property
    def bare(self) -> str:
        """Without version, as links know it."""
        return f"{self.namespace}:{self.package}/{self.interface}"

    @property
    def key(self) -> InterfaceName:
        """What a link for calls of this interface must name (interfaces.md §1)."""
        namespace, interface = self.namespace, self.interface
        if namespace == "wrpc":
            namespace = "wasi"
        if (namespace, self.package, interface) == ("wasi", "blobstore", "container"):
            interface = "blobstore"
        return InterfaceName(namespace, self.package, interface)


_INTERFACE = re.compile(
    r"(?P<namespace>[\w-]+):(?P<package>[\w-]+)/(?P<interface>[\w-]+)"
    r"(?:@(?P<version>\d+\.\d+\.\d+(?:[-+][0-9A-Za-z-]+(?:\.\d+)*)?))?(?:\.[\w.-]+)?"
)


def explain(
    state: LatticeState,
    source: str,
    target: str,
    interface: str,
    *,
    link_name: str = "default",
    imports: Mapping[str, Iterable[str]] | None = None,
    exports: Mapping[str, Iterable[str]] | None = None,
) -> list[Finding]:
    """What stands between the two, empty if nothing known does.

    ``imports`` and ``exports`` tell the interfaces (with versions) that ids are known to call and
    to serve.
    """
    wanted = InterfaceName.parse(interface)
    if not state.hosts:
        text = f"no host runs on lattice {state.lattice!r}"
        return [Finding(text, "%wasmcloud up")]
    return list(
        chain(
            _end(state, source),
            _end(state, target),
            _called(source, wanted, imports or {}),
            _link(state, source, target, wanted.key, link_name),
            _served(target, wanted, exports or {}),
        )
    )


def _end(state: LatticeState, thing_id: str) -> Iterator[Finding]:
    if thing_id in state.served:
        return
    places = state.running(thing_id)
    if places:
        yield from _unwell(thing_id, [thing for _, thing in places])
        return
    failed = [
        (host, thing)
        for host in state.hosts.values()
        for thing in (host.components.get(thing_id), host.providers.get(thing_id))
        if thing is not None
    ]
    if failed:
        host, thing = failed[0]
        where = host.friendly_name or host.id
        kind = _kind(thing)
        yield Finding(
            f"{thing_id!r} failed to start on host {where}: {thing.error}",
            f"%wasmcloud start {kind} {_word(thing.image_ref)} {_word(thing_id)}",
        )
    elif thing_id in state.specs:
        ref = state.specs[thing_id].url
        yield Finding(
            f"{thing_id!r} is known but runs on no host",
            f"%wasmcloud start component {_word(ref) if ref else 'REF'} {_word(thing_id)}",
        )
    else:
        known = sorted({t.id for _, t in state.components()} | {t.id for _, t in state.providers()})
        near = difflib.get_close_matches(thing_id, known, n=3)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        yield Finding(
            f"nothing in lattice {state.lattice!r} is called {thing_id!r}{hint}",
            "%wasmcloud inventory",
        )


def _unwell(thing_id: str, things: Iterable[ComponentState | ProviderState]) -> Iterator[Finding]:
    for thing in things:
        if isinstance(thing, ProviderState) and thing.healthy is False:
            why = thing.error or "it fails its health check"
            yield Finding(f"provider {thing_id!r} is unwell: {why}", "%wasmcloud get providers")
        elif thing.error:
            yield Finding(
                f"{thing_id!r} runs, but its last change failed: {thing.error}",
                "%wasmcloud events",
            )


def _link(
    state: LatticeState, source: str, target: str, wanted: InterfaceName, name: str
) -> Iterator[Finding]:
    spec = state.specs.get(source)
    links = spec.links if spec else ()
    # Of two links with the same name and interface the later one wins (interfaces.md §2.1).
    covering = [link for link in links if link.covers(wanted.bare)]
    named = [link for link in covering if link.name == name]
    if named and named[-1].target == target:
        yield from _missing_configs(state, named[-1])
        return
    if named:
        yield Finding(
            f"link {name!r} of {source!r} for {wanted.bare} goes to {named[-1].target!r}, "
            f"not to {target!r}",
            f"%wasmcloud link del {_word(source)} {wanted.bare}" + _name_option(name),
        )
    others = [link for link in covering if link.target == target]
    if others:
        names = ", ".join(repr(link.name) for link in others)
        yield Finding(
            f"{source!r} is linked to {target!r} for {wanted.bare} only under link name {names}; "
            f"the call uses {name!r}",
            _put(source, target, wanted, (wanted.interface,), name),
        )
        return
    yield _no_link(state, links, source, target, wanted, name)


def _no_link(
    state: LatticeState,
    links: Iterable[Link],
    source: str,
    target: str,
    wanted: InterfaceName,
    name: str,
) -> Finding:
    for link in links:
        same_package = (link.wit_namespace, link.wit_package) == (wanted.namespace, wanted.package)
        if same_package and link.target == target and link.name == name:
            interfaces = (*link.interfaces, wanted.interface)
            return Finding(
                f"the link from {source!r} to {target!r} covers {', '.join(link.interfaces)} of "
                f"{wanted.namespace}:{wanted.package}, not {wanted.interface}",
                _put(source, target, wanted, interfaces, name),
            )
    command = _put(source, target, wanted, (wanted.interface,), name)
    back = state.specs.get(target)
    if back and any(k.target == source and k.covers(wanted.bare) for k in back.links):
        return Finding(
            f"the link for {wanted.bare} goes the other way, from {target!r} to {source!r}: "
            "a link starts at the side that calls",
            command,
        )
    return Finding(f"there is no link from {source!r} to {target!r} for {wanted.bare}", command)


def _missing_configs(state: LatticeState, link: Link) -> Iterator[Finding]:
    for config in dict.fromkeys((*link.source_config, *link.target_config)):
        if config not in state.configs:
            yield Finding(
                f"the link from {link.source_id!r} to {link.target!r} names config {config!r}, "
                "which does not exist",
                f"%wasmcloud config put {_word(config)} key=value",
            )


def _called(
    source: str, wanted: InterfaceName, imports: Mapping[str, Iterable[str]]
) -> Iterator[Finding]:
    if source not in imports:
        return
    called = [name for name in map(_parse_or_none, imports[source]) if name is not None]
    if all(name.key.bare != wanted.key.bare for name in called):
        near = difflib.get_close_matches(wanted.bare, [name.bare for name in called], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        yield Finding(
            f"{source!r} does not import {wanted.bare}, so it never calls it{hint}",
            f"%wasmcloud inspect {_word(source)}",
        )


def _served(
    target: str, wanted: InterfaceName, exports: Mapping[str, Iterable[str]]
) -> Iterator[Finding]:
    if target not in exports:
        return
    served = [name for name in map(_parse_or_none, exports[target]) if name is not None]
    same = [name for name in served if name.key.bare == wanted.key.bare]
    if not same:
        listed = ", ".join(sorted(exports[target])) or "nothing"
        yield Finding(
            f"{target!r} does not export {wanted.bare}; it exports {listed}",
            "%wasmcloud inventory",
        )
    elif (
        # Translated interfaces travel under one version, whatever a component was built against.
        wanted.namespace not in ("wasi", "wrpc")
        and wanted.version
        and all(name.version != wanted.version for name in same)
    ):
        versions = ", ".join(name.version or "no version" for name in same)
        yield Finding(
            f"{target!r} exports {wanted.bare} as {versions}, the call asks for {wanted.version}: "
            "versions must be equal",
            "%wasmcloud inventory",
        )


def _parse_or_none(text: str) -> InterfaceName | None:
    try:
        return InterfaceName.parse(text)
    except UsageError:
        return None


def _kind(thing: ComponentState | ProviderState) -> str:
    return "component" if isinstance(thing, ComponentState) else "provider"


def _put(
    source: str, target: str, wanted: InterfaceName, interfaces: Iterable[str], name: str
) -> str:
    package = f"{wanted.namespace}:{wanted.package}/{','.join(interfaces)}"
    return f"%wasmcloud link put {_word(source)} {_word(target)} {_word(package)}" + _name_option(
        name
    )


def _name_option(name: str) -> str:
    return "" if name == "default" else f" --name {_word(name)}"


def _word(text: str) -> str:
    """One word of a magic line, whatever the text holds."""
    if re.fullmatch(r"[\w./][\w.,:/@+=-]*", text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + " ".join(escaped.split()) + '"'
