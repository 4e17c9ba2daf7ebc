"""The overview of all verbs, and the page of one."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.notebook.display.html import Element, element
from workbench.notebook.display.shown import Shown, card, table
from workbench.notebook.verbs.model import Body, Verb

__all__ = ["overview", "verb_page"]


def overview(verbs: Mapping[str, Verb]) -> Shown:
    """Verbs by what they are for."""
    groups: dict[str, list[Verb]] = {}
    for verb in dict.fromkeys(verbs.values()):
        groups.setdefault(verb.group, []).append(verb)
    parts: list[Element] = []
    lines = ["%wasmcloud VERB …  or  %%wasmcloud VERB … with a body", ""]
    for group, members in groups.items():
        rows = [[element("span", _name(v), style="code"), v.help] for v in members]
        parts.append(element("div", group, style="note"))
        parts.append(table(("", ""), rows))
        lines.append(group)
        lines += [f"  {_name(v):<14} {v.help}" for v in members]
        lines.append("")
    tail = "%wasmcloud help VERB tells more; the Tab key completes verbs, options and ids."
    html = card("%wasmcloud", *parts, element("div", tail, style="note"), kind="help")
    return Shown(html, "\n".join([*lines, tail]))


def _name(verb: Verb) -> str:
    return f"{'%%' if verb.body is Body.MUST else ''}{verb.name}"


def verb_page(verb: Verb) -> Shown:
    """Usage, arguments, options and examples of one verb."""
    rows = [
        (a.name.upper(), a.help or (f"one of {', '.join(a.choices)}" if a.choices else ""))
        for a in verb.arguments
    ]
    rows += [(_flag(o.name, o.value, o.short), o.help) for o in verb.options]
    if verb.body is not Body.NONE:
        rows.append(("the cell's body", "wanted" if verb.body is Body.MUST else "may be given"))
    html = card(
        verb.name,
        element("div", verb.help),
        element("pre", verb.usage, style="block"),
        table(("", ""), [[element("span", n, style="mono"), h] for n, h in rows]) if rows else None,
        [element("pre", example, style="block") for example in verb.examples],
        kind="help",
    )
    width = max((len(name) for name, _ in rows), default=0)
    lines = [verb.help, "", f"  {verb.usage}", ""]
    lines += [f"  {name:<{width}}  {text}" for name, text in rows]
    if verb.examples:
        lines += ["", *(f"  {line}" for example in verb.examples for line in example.split("\n"))]
    return Shown(html, "\n".join(lines))


def _flag(name: str, value: str, short: str) -> str:
    both = f"-{short}, --{name}" if short else f"--{name}"
    return f"{both} {value}".strip()
