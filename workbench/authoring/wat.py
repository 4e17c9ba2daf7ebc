"""WebAssembly text to component bytes, with errors in the cell's lines."""

from __future__ import annotations

import re

from workbench.errors import BuildError, InvalidComponent

__all__ = ["component_from_wat"]

_PLACE = re.compile(r"-->\s*\S*?:(\d+):(\d+)")


def component_from_wat(text: str) -> bytes:
    """Assemble WAT; a core module is refused, for a lattice runs components."""
    from workbench.wasm import wat_to_bytes  # loads wasmtime

    if not re.search(r"\(\s*component\b", text):
        raise BuildError(
            "the text holds no component",
            hint="begin with (component …); a plain (module …) has no typed interface",
            output="",
        )
    try:
        return wat_to_bytes(text)
    except InvalidComponent as error:
        raise _failure(str(error)) from error


def _failure(output: str) -> BuildError:
    place = _PLACE.search(output)
    said = output.strip().splitlines()[0] if output.strip() else "the text does not parse"
    if place is None:
        return BuildError(said, output=output)
    return BuildError(
        f"cell line {place[1]}, column {place[2]}: {said}",
        output=output, line=int(place[1]), column=int(place[2]),
    )  # fmt: skip
