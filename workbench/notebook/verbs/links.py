"""The verbs `link` and `config`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from workbench.errors import UsageError
from workbench.notebook.display.listing import listing
from workbench.notebook.display.shown import Shown, card, facts, said, text_facts
from workbench.notebook.display.text import plural, visible
from workbench.notebook.parse import parse_pairs
from workbench.notebook.session import Session
from workbench.notebook.verbs.model import Argument, Body, Call, Many, Option, Verb

if TYPE_CHECKING:
    from workbench.wire.records import Link

__all__ = ["VERBS"]

_PUT = "link put SOURCE TARGET NS:PKG/INTERFACE"
_DEL = "link del SOURCE NS:PKG/INTERFACE"


def link(session: Session, call: Call) -> Any:
    if call.body is not None and call.body.strip():
        return _put_all(session, call.body)
    action, words = call["action"] or "list", [str(word) for word in call["words"]]
    if action == "list":
        return listing("links", session.lattice.links)
    interface = ",".join(call["interface"])
    if action == "put":
        source, target, path = _ends(words, interface, 2, _PUT)
        made = session.lattice.put_link(
            source,
            target,
            path,
            name=call["name"],
            source_config=tuple(call["source_config"]),
            target_config=tuple(call["target_config"]),
        )
        text = f"Linked {_arrow(made.source_id, made.target)} for {visible(path, 120)}."
        return said(" ".join([text, *_doubts(session, made)]))
    source, *_, path = _ends(words, interface, 1, _DEL)
    session.lattice.delete_link(source, path, name=call["name"])
    return said(f"Deleted the link {visible(source, 60)} has for {visible(path, 120)}.")


def _doubts(session: Session, link: Link) -> list[str]:
    """Why a link that was made may not be what was meant."""
    first, *_ = link.interfaces
    name = f"{link.wit_namespace}:{link.wit_package}/{first}"
    found = session.lattice.explain(link.source_id, link.target, name, link_name=link.name)
    return [f"But {visible(finding.text, 300)}." for finding in found]


def _ends(words: Sequence[str], interface: str, ends: int, usage: str) -> list[str]:
    """Ids and interface, from ``ns:pkg/iface`` or, as wash writes it, ``ns pkg --interface``."""
    if len(words) > ends and ":" in words[-1]:
        *ids, path = words
        if len(ids) == ends or (ends == 1 and len(ids) == 2):
            return [*ids, path]
    elif len(words) == ends + 2 and (interface or ends == 1):
        *ids, namespace, package = words
        return [*ids, f"{namespace}:{package}/{interface or '*'}"]
    raise UsageError("that is no link", hint=f"usage: %wasmcloud {usage}")


def _put_all(session: Session, body: str) -> Shown:
    try:
        entries = yaml.safe_load(body)
    except yaml.YAMLError as error:
        raise UsageError(f"the links are no YAML: {error}") from error
    entries = [entries] if isinstance(entries, Mapping) else entries
    if not isinstance(entries, list) or not all(isinstance(one, Mapping) for one in entries):
        raise UsageError(
            "a link cell holds a list of links",
            hint="- {source: a, target: b, interface: wasi:http/incoming-handler}",
        )
    wanted = [_entry(number, one) for number, one in enumerate(entries, start=1)]
    for one in wanted:
        session.lattice.put_link(**one)
    lines = [f"{_arrow(one['source'], one['target'])}  {one['interface']}" for one in wanted]
    return said(f"Made {plural(len(wanted), 'link')}: {'; '.join(lines)}")


_KEYS = frozenset({"source", "target", "interface", "name", "source_config", "target_config"})


def _entry(number: int, entry: Mapping[Any, Any]) -> dict[str, Any]:
    keys = {str(key).replace("-", "_"): value for key, value in entry.items()}
    unknown = sorted(keys.keys() - _KEYS)
    missing = [key for key in ("source", "target", "interface") if not keys.get(key)]
    if unknown or missing:
        what = f"does not know {', '.join(unknown)}" if unknown else f"wants {', '.join(missing)}"
        raise UsageError(f"link {number} {what}", hint=f"its keys are {', '.join(sorted(_KEYS))}")
    return {
        "source": str(keys["source"]),
        "target": str(keys["target"]),
        "interface": str(keys["interface"]),
        "name": str(keys.get("name", "default")),
        "source_config": _names(keys.get("source_config")),
        "target_config": _names(keys.get("target_config")),
    }


def _names(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _arrow(source: str, target: str) -> str:
    return f"{visible(source, 60)} → {visible(target, 60)}"


_SECRET = re.compile(r"passw|secret|token|api_?key|private|credential", re.IGNORECASE)


def config(session: Session, call: Call) -> Any:
    lattice, name = session.lattice, call["name"]
    action = call["action"]
    if action == "list":
        return listing("configs", sorted(lattice.configs.items()))
    if name is None:
        raise UsageError(
            f"`config {action}` wants the NAME of a configuration",
            hint="`%wasmcloud config list` lists them",
        )
    if action == "get":
        pairs = sorted(lattice.get_config(name).items())
        title = f"Configuration {visible(name, 80)}"
        shown = [(visible(key, 60), value) for key, value in pairs]
        return Shown(card(title, facts(shown), kind="config"), f"{title}\n{text_facts(shown)}")
    if action == "del":
        if name not in lattice.configs:
            return said(f"Configuration {visible(name, 80)} was not there.")
        lattice.delete_config(name)
        return said(f"Configuration {visible(name, 80)} is deleted.")
    values = _config_values(call)
    lattice.put_config(name, values)
    text = f"Configuration {visible(name, 80)} has {', '.join(map(visible, sorted(values)))}."
    if any(map(_SECRET.search, values)):
        text += " It is no place for secrets: everyone on the lattice can read it."
    return said(text)


def _config_values(call: Call) -> dict[str, str]:
    if call.body is not None and call.body.strip():
        try:
            loaded = yaml.safe_load(call.body)
        except yaml.YAMLError as error:
            raise UsageError(f"the configuration is no YAML: {error}") from error
        if not isinstance(loaded, Mapping):
            raise UsageError("a configuration is a mapping", hint="key: value, one a line")
        return {
            str(k): v if isinstance(v, str) else yaml.safe_dump(v).strip().removesuffix("\n...")
            for k, v in loaded.items()
        }
    if not call["values"]:
        raise UsageError(
            "`config put` wants KEY=VALUE, or the values in the cell's body",
            hint="such as %wasmcloud config put addr address=127.0.0.1:8080",
        )
    return parse_pairs(call["values"], "`config put`")


VERBS = (
    Verb(
        "link",
        "make, delete or list links; a cell's body holds a YAML list of them",
        link,
        (
            Argument("action", "put, del or list", Many.MAYBE, ("put", "del", "list")),
            Argument("words", "SOURCE TARGET NS:PKG/INTERFACE", Many.ANY, (), "unit"),
        ),
        (
            Option("name", "the link's name", "NAME", default="default"),
            Option("interface", "as wash writes it", "NAME", repeat=True),
            Option(
                "source-config", "for the side that calls", "NAME", repeat=True, complete="config"
            ),
            Option("target-config", "for the side called", "NAME", repeat=True, complete="config"),
        ),
        Body.MAY,
        (
            "%wasmcloud link put http hello wasi:http/incoming-handler --source-config addr",
            "%%wasmcloud link\n- {source: a, target: b, interface: demo:greet/greeter}",
        ),
    ),
    Verb(
        "config",
        "named configuration: put, get, del, list",
        config,
        (
            Argument("action", choices=("put", "get", "del", "list")),
            Argument("name", "the configuration", Many.MAYBE, (), "config"),
            Argument("values", "KEY=VALUE", Many.ANY),
        ),
        body=Body.MAY,
        examples=("%wasmcloud config put addr address=127.0.0.1:8080",),
    ),
)
