"""What a failed build says, in terms of the user's cell.

componentize-py reports everything as one Python traceback of its own, with the interesting part
inside. From it come the user's error, the line of the cell, and a hint made from the names that
the world really offers.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from workbench.errors import BuildError

if TYPE_CHECKING:
    from workbench.authoring.bindings import Bindings

__all__ = ["CELL_MODULE", "build_failure", "missing_exports", "wit_failure", "wrong_import"]

CELL_MODULE = "app"
"""The module that a cell becomes. Never a world's name, or Python would mix the two up."""

_REPORT = re.compile(r"AssertionError: (.*?)(?:\n+Caused by:\n(.*))?\Z", re.DOTALL)
_WIT_PLACE = re.compile(r"-->\s*(\S+?):(\d+):(\d+)")
_CELL_FILE = re.compile(rf'File "[^"]*/{CELL_MODULE}\.py", line (\d+)')
_FRAME = re.compile(r'^  File "([^"]+)", line (\d+)')
_NO_ATTRIBUTE = re.compile(r"module '([\w.]+)' has no attribute '(\w+)'")
_CANNOT_IMPORT = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")


def wit_failure(output: str) -> BuildError:
    """The error of WIT text that the tool refused."""
    message, causes = _report(output)
    place = _WIT_PLACE.search(f"{message}\n{causes}")
    if place is None:
        return BuildError(f"the WIT is not accepted: {_first_line(message)}", output=output)
    lines = [re.sub(r"^\s*\d+:\s*", "", line).strip() for line in causes.splitlines()]
    before = [line for line in lines[: _index_of(lines, "-->")] if line]
    packages = [line for line in before if re.fullmatch(r"[\w-]+:[\w-]+(@\S+)?", line)]
    said = next((line for line in reversed(before) if line not in packages), "it does not parse")
    hint = ""
    if packages:
        said = next((line for line in before if "not found" in line), said)
        said = said.partition(". known packages")[0]
        hint = f"known packages: {', '.join(packages)}"
    return BuildError(
        f"WIT line {place[2]}, column {place[3]}: {said}",
        hint=hint, output=output, line=int(place[2]), column=int(place[3]),
    )  # fmt: skip


def build_failure(output: str, source: str, names: Bindings) -> BuildError:
    """The error of a cell whose build failed."""
    message, causes = _report(output)
    if _WIT_PLACE.search(f"{message}\n{causes}"):
        return wit_failure(output)
    trace = _cell_traceback(message, source)
    last = re.sub(r" \(/\S+\)$", "", _last_line(message)) or "the build failed"
    lines = _CELL_FILE.findall(message)
    line = int(lines[-1]) if lines else None
    where = f"cell line {line}: " if line is not None else ""
    hint = "\n".join(part for part in (trace, _hint(last, names)) if part)
    return BuildError(f"{where}{last}", hint=hint, output=output, line=line)


def missing_exports(
    missing: Iterable[str], names: Bindings, near: Mapping[str, tuple[str, int]]
) -> BuildError:
    """The cell does not define classes that the world exports.

    ``near`` maps a name that is wanted to one that the cell defines instead, with its line.
    """
    missing = list(missing)
    words = " and ".join(f"a class {name}" for name in missing)
    samples = "\n".join(names.sample(name) for name in missing)
    meant = [
        f"did you mean {name} by {found} in line {line}?" for name, (found, line) in near.items()
    ]
    lines = [line for _, line in near.values()]
    return BuildError(
        f"the world wants {words}, and the cell defines none",
        hint="\n".join([*meant, f"{'or ' if meant else ''}begin like this:\n{samples}"]),
        missing=tuple(missing), line=lines[0] if lines else None,
    )  # fmt: skip


def wrong_import(module: str, name: str, line: int, names: Bindings) -> BuildError:
    """The cell imports a name that the bindings do not have."""
    return BuildError(
        f"cell line {line}: there is no {name} in {module}",
        hint=_names_hint(module, name, names), output="", line=line,
    )  # fmt: skip


def _report(output: str) -> tuple[str, str]:
    match = _REPORT.search(output)
    if match is None:
        return output.strip(), ""
    return match[1].rstrip(), match[2] or ""


def _cell_traceback(message: str, source: str) -> str:
    """The frames that are in the cell, with their source lines; empty for a single frame."""
    code = source.splitlines()
    frames: list[str] = []
    for text in message.splitlines():
        frame = _FRAME.match(text)
        if frame and frame[1].endswith(f"/{CELL_MODULE}.py"):
            number = int(frame[2])
            shown = code[number - 1].strip() if 0 < number <= len(code) else ""
            frames.append(f"  line {number}: {shown}")
    return "\n".join(["in the cell:", *frames]) if len(frames) > 1 else "".join(frames).strip()


def _hint(last: str, names: Bindings) -> str:
    if match := _CANNOT_IMPORT.search(last):
        return _names_hint(match[2], match[1], names)
    if match := _NO_ATTRIBUTE.search(last):
        module, name = match[1], match[2]
        if module == CELL_MODULE and name in names.exports:
            return f"the world wants a class {name}:\n{names.sample(name)}"
        return _names_hint(module, name, names)
    if match := _NO_MODULE.search(last):
        return _module_hint(match[1], names)
    return ""


def _names_hint(module: str, name: str, names: Bindings) -> str:
    offered = names.modules.get(module, ())
    near = difflib.get_close_matches(name, offered, n=1, cutoff=0.5)
    elsewhere = names.module_with(name)
    hints = []
    if near:
        hints.append(f"did you mean {near[0]}")
    if elsewhere and elsewhere != module:
        hints.append(f"{name} is in {elsewhere}")
    if offered:
        # Cases of variants (Method_Get) follow from the variant's own name.
        heads = [item for item in offered if "_" not in item or item.islower()]
        hints.append(f"{module} offers {', '.join(heads[:30])}")
    return "; ".join(hints)


def _module_hint(module: str, names: Bindings) -> str:
    if module.startswith("wit_world"):
        return f"this world has the modules {', '.join(names.modules)}"
    near = difflib.get_close_matches(
        module.rpartition(".")[2], [m.rpartition(".")[2] for m in names.modules], n=1
    )
    if near:
        full = next(m for m in names.modules if m.endswith(near[0]))
        return f"did you mean {full}?"
    return (
        "a component can import Python's standard library and pure Python packages "
        "that are installed beside this kernel"
    )


def _index_of(lines: list[str], part: str) -> int:
    return next((i for i, line in enumerate(lines) if part in line), len(lines))


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1].strip() if text.strip() else ""
