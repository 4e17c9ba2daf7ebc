"""Tab completion inside the magics: verbs, options, and the ids of what is there.

Registered as a matcher of IPython's own completer, so that it works for ``%wasmcloud`` anywhere
in a cell and on the first line of ``%%wasmcloud``, in every front end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

import workbench
from workbench.authoring import LANGUAGES, bundled_worlds
from workbench.errors import WorkbenchError
from workbench.notebook.line import Word, split_line
from workbench.notebook.verbs import VERBS
from workbench.notebook.verbs.model import Many, Verb
from workbench.wire.wit.lookup import function_paths

if TYPE_CHECKING:
    from workbench.notebook.session import Session

__all__ = ["complete", "matcher"]

_MAGIC = re.compile(r"^\s*(?:[\w.]+\s*=\s*)?%%?wasmcloud(\s+)(.*)$", re.DOTALL)
_LIMIT = 200


def matcher(session: Session) -> Callable[[CompletionContext], Any]:
    """The matcher to add to ``shell.Completer.custom_matchers``."""

    @context_matcher(identifier="workbench.magics")
    def wasmcloud_matcher(context: CompletionContext) -> Any:
        line = context.line_with_cursor[: context.cursor_position]
        found = _MAGIC.match(line)
        if found is None:
            return {"completions": []}
        fragment, words = complete(session, found[2])
        return {
            "completions": [SimpleCompletion(text, type="wasmcloud") for text in words],
            "matched_fragment": fragment,
            "suppress": bool(words),
        }

    return wasmcloud_matcher


def complete(session: Session, text: str) -> tuple[str, list[str]]:
    """What stands before the cursor of the word to complete, and what it may become."""
    words = split_line(text, lenient=True)
    inside = bool(words) and words[-1].end == len(text)
    fragment = words[-1].text if inside else ""
    before = words[:-1] if inside else words
    wanted = _candidates(session, before, fragment)
    fitting = sorted({one for one in wanted if one.startswith(fragment) and _plain(one)})
    return fragment, fitting[:_LIMIT]


def _plain(text: str) -> bool:
    """Whether it can stand on a line as it is; an odd id is not offered rather than mangled."""
    return text.isprintable() and not any(c in text for c in " \"'{[(")


def _candidates(session: Session, before: list[Word], fragment: str) -> Iterable[str]:
    if not before:
        return [*VERBS, "help"]
    verb = VERBS.get(before[0].text)
    if verb is None:
        return VERBS if before[0].text == "help" else ()
    option = _open_option(verb, before)
    if option is not None:
        return _ids(session, option.complete, before)
    if fragment.startswith("-"):
        return [f"--{one.name}" for one in verb.options]
    number = _position(verb, before[1:])
    argument = verb.arguments[min(number, len(verb.arguments) - 1)] if verb.arguments else None
    if argument is None:
        return ()
    if number >= len(verb.arguments) and argument.many not in (Many.ANY, Many.SOME):
        return ()
    return argument.choices or _ids(session, argument.complete, before)


def _open_option(verb: Verb, before: list[Word]) -> Any:
    last = before[-1].text
    for option in verb.options:
        if option.value and last in (f"--{option.name}", f"-{option.short}"):
            return option
    return None


def _position(verb: Verb, words: list[Word]) -> int:
    """How many positional words stand before the cursor."""
    count = 0
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.text.startswith("-") and not word.quoted:
            flag = word.text
            skip = any(o.value and flag in (f"--{o.name}", f"-{o.short}") for o in verb.options)
        else:
            count += 1
    return count


def _ids(session: Session, kind: str, before: list[Word]) -> list[str]:
    if kind == "world":
        return [*session.wit.world_names(), *bundled_worlds()]
    if kind == "lang":
        return list(LANGUAGES)
    if kind == "reference":
        return [f"cell://{name}" for name in session.built]
    lattice = workbench.current()
    if lattice is None:
        return list(session.built) if kind == "wit" else []
    state = lattice.state
    components = [component.id for _, component in state.components()]
    providers = [provider.id for _, provider in state.providers()]
    hosts = [host.friendly_name or host.id for host in state.hosts.values()]
    match kind:
        case "component":
            return components
        case "host":
            return hosts
        case "unit":
            return hosts if "host" in [word.text for word in before] else [*components, *providers]
        case "app":
            return list(state.apps)
        case "config":
            return list(state.configs)
        case "wit":
            return [*components, *session.built, *bundled_worlds()]
        case "function" if len(before) >= 2:
            return _functions(lattice, before[1].text)
    return []


def _functions(lattice: Any, component_id: str) -> list[str]:
    try:
        return function_paths(lattice.exports(component_id))
    except WorkbenchError:
        return []
