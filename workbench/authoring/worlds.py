"""Which world a cell targets, and every WIT package that this world needs.

A world is looked for in the cell's own WIT, then among the WIT given in earlier cells
(`WitRegistry`), then among a few worlds that come along (`bundled_worlds`). Packages that a world
names are found in the same order, the last place being the bundled WIT packages.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from workbench.errors import UsageError, WitResolveError
from workbench.wire.wit.bundled import (
    WASI_OF_OTHERS,
    bundled_dir,
    is_wasi_version,
    new_resolver,
)
from workbench.wire.wit.types import World

__all__ = ["Target", "WitRegistry", "bundled_worlds", "complete_package", "find_target"]

_WORDS = r"[A-Za-z][A-Za-z0-9-]*"
_PACKAGE = re.compile(
    rf"^[ \t;]*package\s+({_WORDS}:{_WORDS})(?:@([0-9A-Za-z.+-]+))?\s*([;{{])", re.MULTILINE
)
_REFERENCE = re.compile(
    rf"({_WORDS}:{_WORDS})/{_WORDS}(?:@([0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]*[0-9A-Za-z])?))?"
)
_WORLD = re.compile(rf"\bworld\s+%?({_WORDS})\s*\{{")
_BARE_WORLD_ITEM = re.compile(r"\A\s*(?:@\w+[^\n]*\n\s*)*(?:import|export|include)\s")
_GATED = re.compile(r"^[ \t]*@since\(version = (0\.2\.[0-9]+)\)[^;{]*;\n?", re.MULTILINE)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)

_BUNDLED_WORLDS = {
    "hello": "world hello { export wasi:http/incoming-handler@0.2.0; }",
    "http": "world http { export wasi:http/incoming-handler@0.2.0; }",
    "service": """world service {
  export wasi:http/incoming-handler@0.2.0;
  import wasi:http/outgoing-handler@0.2.0;
  import wasi:config/store@0.2.0-draft;
  import wasi:logging/logging@0.1.0-draft;
  import wasi:keyvalue/store@0.2.0-draft;
  import wasi:keyvalue/atomics@0.2.0-draft;
  import wasmcloud:messaging/consumer@0.2.0;
}""",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A world with the WIT that defines it.

    ``own`` are packages of the user, the one with the world first; ``bundled`` what these need
    of the bundled ones. ``world_id`` names the world, ``wasi`` the WASI version it is made for.
    """

    world_id: str
    own: tuple[str, ...]
    bundled: tuple[str, ...]
    wasi: str

    @property
    def name(self) -> str:
        """The bare name of the world."""
        return self.world_id.partition("/")[2].partition("@")[0]

    @property
    def wit(self) -> str:
        """The package with the world."""
        return self.own[0]

    def world(self) -> World:
        """The world in the model that all rooms share; raises the errors of WIT."""
        return _resolve(self)

    def write(self, folder: Path) -> None:
        """Lay the packages out as WIT tools want them: main package, the others under ``deps``."""
        folder.mkdir()
        (folder / "world.wit").write_text(self.own[0], encoding="utf-8")
        for index, text in enumerate([*self.own[1:], *self.bundled]):
            package = folder / "deps" / f"p{index}"
            package.mkdir(parents=True)
            (package / "package.wit").write_text(text, encoding="utf-8")


@lru_cache(maxsize=256)
def _resolve(target: Target) -> World:
    resolver = new_resolver(wasi=target.wasi)
    for text in reversed(target.own):
        resolver.add_text(text, "wit")
    return resolver.world(target.world_id)


class WitRegistry:
    """WIT packages from earlier cells. Adding a package again replaces it."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def add(self, text: str) -> list[str]:
        """Register one complete package; returns the names of its worlds."""
        complete = complete_package(text, name="cell")
        self._texts[_package_id(complete)] = complete
        return _world_names(complete)

    def clear(self) -> None:
        """Forget everything."""
        self._texts.clear()

    @property
    def texts(self) -> tuple[str, ...]:
        """The registered packages, newest last."""
        return tuple(self._texts.values())

    def world_names(self) -> list[str]:
        """Every world that a cell can name."""
        return [name for text in self._texts.values() for name in _world_names(text)]


def bundled_worlds() -> dict[str, str]:
    """The worlds that need no WIT, as complete packages by name."""
    return {name: f"package workbench:{name};\n{text}\n" for name, text in _BUNDLED_WORLDS.items()}


def complete_package(text: str, *, name: str, world: str | None = None) -> str:
    """WIT text as a package: what a short cell leaves out is put in front, on the first line.

    Accepts a whole package, only worlds and interfaces, or only the imports and exports of the
    world called ``world``. Lines keep their numbers.
    """
    plain = _without_comments(text)
    if _PACKAGE.search(plain):
        return text
    if _BARE_WORLD_ITEM.match(plain):
        if world is None:
            raise UsageError(
                "the WIT holds imports and exports, but no world",
                hint="wrap it: world NAME { … }, or name the world with --world",
            )
        text = f"world {world} {{ {text}\n}}"
    return f"package cell:{_package_word(name)}; {text}"


def find_target(
    world: str | None,
    *,
    name: str,
    wit: str | None = None,
    registry: WitRegistry | None = None,
) -> Target:
    """The world called ``world`` (bare, or ``ns:pkg/world``) and all that it needs.

    ``None`` means the only world of ``wit``.
    """
    bare = world.partition("@")[0].rpartition("/")[2] if world else None
    own = [complete_package(wit, name=name, world=bare)] if wit is not None else []
    known = [*own, *reversed(registry.texts if registry else ())]
    if world is None:
        return _target_of(own[0], _only_world(own), known) if own else _no_world(known)
    for text in known:
        if bare in _world_names(text) and _matches_package(world, text):
            return _target_of(text, str(bare), known)
    if wit is None and world in (bundled := bundled_worlds()):
        return _target_of(bundled[world], world, known)
    raise _unknown_world(world, known, has_own=wit is not None)


def _target_of(text: str, world: str, known: Sequence[str]) -> Target:
    package = _package_id(text)
    base, _, version = package.partition("@")
    world_id = f"{base}/{world}@{version}" if version else f"{base}/{world}"
    own, wanted = _needed(text, known)
    wasi = _wasi_version(wanted)
    return Target(world_id, (text, *own), tuple(_bundled(wanted, wasi)), wasi)


def _only_world(own: Sequence[str]) -> str:
    names = _world_names(own[0])
    if len(names) == 1:
        return names[0]
    raise UsageError(
        f"the WIT holds {len(names)} worlds" if names else "the WIT holds no world",
        hint=f"name one with --world: {', '.join(names)}" if names else "add one: world NAME { … }",
    )


def _no_world(known: Sequence[str]) -> Target:
    names = sorted({*(n for text in known for n in _world_names(text)), *_BUNDLED_WORLDS})
    raise UsageError(
        "which world does this component target?",
        hint=f"name one with --world: {', '.join(names)}; or start the cell with a wit block",
    )


def _unknown_world(world: str, known: Sequence[str], *, has_own: bool) -> UsageError:
    names = {n for text in known for n in _world_names(text)}
    if not has_own:
        names |= set(_BUNDLED_WORLDS)
    near = difflib.get_close_matches(world, sorted(names), n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    hint += f"known worlds: {', '.join(sorted(names)) or 'none'}"
    if not has_own:
        hint += "; a world of your own goes into a wit block at the top of the cell"
    return UsageError(f"there is no world called {world!r}", hint=hint, world=world)


def _matches_package(world: str, text: str) -> bool:
    package = world.rpartition("/")[0]
    return not package or package == _package_id(text).partition("@")[0]


# --- packages -----------------------------------------------------------------------------


def _needed(text: str, known: Sequence[str]) -> tuple[list[str], list[str]]:
    """Of the known packages those that ``text`` leads to; and ids that must come from elsewhere."""
    packages = {_package_id(other): other for other in reversed(known)}
    own: dict[str, str] = {_package_id(text): text}
    elsewhere: set[str] = set()
    queue = [text]
    while queue:
        for wanted in _references(queue.pop()) - own.keys():
            if wanted in packages:
                own[wanted] = packages[wanted]
                queue.append(packages[wanted])
            else:
                elsewhere.add(wanted)
    return [own[name] for name in sorted(own) if own[name] != text], sorted(elsewhere)


def _references(text: str) -> set[str]:
    return {
        f"{package}@{version}" if version else package
        for package, version in _REFERENCE.findall(_without_comments(text))
    }


def _wasi_version(wanted: Sequence[str]) -> str:
    """The WASI 0.2 release that a world names, the newest if it names several."""
    named = [name.partition("@") for name in wanted if name.startswith("wasi:")]
    versions = {version for _, _, version in named if is_wasi_version(version)}
    return max(versions, key=_patch, default=WASI_OF_OTHERS)


def _bundled(wanted: Sequence[str], wasi: str) -> list[str]:
    """The bundled packages among ``wanted``, and what these name; unknown ids are left out.

    The resolver complains about those. Drafts take their WASI types from ``wasi``.
    """
    found: dict[str, str] = {}
    queue = list(wanted)
    while queue:
        name = queue.pop()
        version = name.partition("@")[2]
        release = version if is_wasi_version(version) else wasi
        text = _bundled_packages(release).get(name)
        if text is not None and name not in found:
            found[name] = text
            queue += _references(text)
    return [found[name] for name in sorted(found)]


@lru_cache(maxsize=16)
def _bundled_packages(wasi: str) -> dict[str, str]:
    """The bundled packages by id, every WASI reference in them at one release."""
    texts = [
        _as_released(path.read_text(encoding="utf-8"), wasi)
        for path in sorted(bundled_dir(wasi).glob("deps/*/package.wit"))
    ]
    return {_package_id(text): text for text in texts}


def _as_released(text: str, wasi: str) -> str:
    """Without the statements that a later release added: WIT tools refuse a gate of the future."""
    current = _patch(wasi)

    def keep(match: re.Match[str]) -> str:
        return match[0] if _patch(match[1]) <= current else ""

    return _GATED.sub(keep, text)


def _patch(version: str) -> int:
    return int(version.rpartition(".")[2])


# --- small readings of WIT text -----------------------------------------------------------


def _without_comments(text: str) -> str:
    """The text with comments blanked, newlines kept."""
    return _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def _package_id(text: str) -> str:
    match = _PACKAGE.search(_without_comments(text))
    if match is None:
        raise WitResolveError("the WIT text declares no package")
    return f"{match[1]}@{match[2]}" if match[2] else match[1]


def _world_names(text: str) -> list[str]:
    return _WORLD.findall(_without_comments(text))


def _package_word(name: str) -> str:
    word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    word = re.sub(r"-(?=[0-9])", "-n", word)
    return word if word[:1].isalpha() else f"cell-{word}".strip("-")
