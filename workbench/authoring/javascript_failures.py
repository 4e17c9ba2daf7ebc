"""What a failed JavaScript build says, in terms of the user's cell."""

from __future__ import annotations

import re

from workbench.authoring.javascript_tool import install_command
from workbench.errors import BuildError

__all__ = ["CELL_FILE", "build_failure", "syntax_failure"]

CELL_FILE = "cell.js"
"""The file that a cell becomes; stack traces of the running component name it."""

_CHECKED_AT = re.compile(r"check\.mjs:(\d+)\s*\n(.*?)\n+(SyntaxError: [^\n]*)", re.DOTALL)
_CELL_PLACE = re.compile(r"(?:^|[@\s])cell\.js:(\d+):(\d+)")
_RAISED = re.compile(r"cell\.js:(\d+):\d+ (\w*(?:Error|Exception)\b.*)")
_NO_MODULE = re.compile(r'Error loading module "([^"]+)"')
_NO_PACKAGE = re.compile(r"Cannot find package '([^']+)' imported from")
_NO_EXPORT = re.compile(
    r'"source\.js" does not export (.*?) as expected by the world\.\n(.*)', re.DOTALL
)


def syntax_failure(output: str) -> BuildError:
    """The error of text that is no JavaScript."""
    found = _CHECKED_AT.search(output)
    if found is None:
        return BuildError("the cell is no JavaScript module", output=output, line=None)
    return BuildError(
        f"cell line {found[1]}: {found[3]}", hint=found[2], output="", line=int(found[1])
    )


def build_failure(output: str, source: str) -> BuildError:
    """The error of a cell whose build failed."""
    if package := _NO_PACKAGE.search(output):
        return BuildError(
            f"componentize-js is installed without {package[1]}, which it needs",
            hint=f"install it again:\n{install_command()}", output="", line=None,
        )  # fmt: skip
    if missing := _NO_EXPORT.search(output):
        return BuildError(
            f"the world wants {missing[1]}, and the cell exports none",
            hint=missing[2].strip().replace("alias:", "alias:\n", 1),
            output="", line=None,
        )  # fmt: skip
    if module := _NO_MODULE.search(output):
        return BuildError(
            f"the cell imports {module[1]!r}, which is not there",
            hint="a cell is one file: it can import what its world imports, such as "
            "'wasi:http/types@0.2.0', no packages; bundle those into it first",
            output="", line=_line_with(source, module[1]),
        )  # fmt: skip
    if raised := _RAISED.search(output):
        frames = [int(line) for line, _ in _CELL_PLACE.findall(output)]
        code = source.splitlines()
        shown = "\n".join(
            f"  line {number}: {code[number - 1].strip()}"
            for number in dict.fromkeys(frames)
            if 0 < number <= len(code)
        )
        return BuildError(
            f"cell line {raised[1]}: {raised[2]}", hint=shown, output="", line=int(raised[1])
        )
    first = next((line.strip() for line in output.splitlines() if line.strip()), "")
    return BuildError(first or "the build failed", output=output, line=None)


def _line_with(source: str, text: str) -> int | None:
    lines = source.splitlines()
    return next((number for number, line in enumerate(lines, 1) if text in line), None)
