"""Where the bytes of a component come from (control-interface.md §4, claims-and-artifacts.md §9).

References are parsed in one place; `Artifacts` dispatches on their kind. Pulling from registries
is not here yet: such a reference fails with a text that says so.
"""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from workbench.errors import ArtifactError

__all__ = [
    "MAX_ARTIFACT_BYTES",
    "Artifact",
    "ArtifactSource",
    "Artifacts",
    "CellArtifacts",
    "Reference",
    "ReferenceKind",
    "parse_reference",
]

MAX_ARTIFACT_BYTES = 512 * 1024 * 1024
_BUILTIN = "wasmcloud+builtin://"


class ReferenceKind(Enum):
    FILE = "file"
    OCI = "oci"
    BUILTIN = "builtin"
    CELL = "cell"


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed reference. ``value`` is what providers show: the text without its scheme."""

    text: str
    kind: ReferenceKind
    value: str

    @property
    def base_name(self) -> str:
        """The last part of the repository, without tag or digest: ``…/http-server:0.27`` →
        ``http-server``."""
        last = self.value.partition("@")[0].rsplit("/", 1)[-1]
        return last.partition(":")[0]


def parse_reference(text: str) -> Reference:
    """Sort a reference by its scheme; whatever has no known scheme is an OCI reference."""
    if text.startswith("file://"):
        return Reference(text, ReferenceKind.FILE, urllib.parse.unquote(text[len("file://") :]))
    if text.startswith("cell://"):
        return Reference(text, ReferenceKind.CELL, text[len("cell://") :])
    if text.startswith(_BUILTIN):
        return Reference(text, ReferenceKind.BUILTIN, text[len(_BUILTIN) :])
    for scheme in ("oci://", "http://", "https://"):
        if text.startswith(scheme):
            return Reference(text, ReferenceKind.OCI, text[len(scheme) :])
    return Reference(text, ReferenceKind.OCI, text)


@dataclass(frozen=True, slots=True)
class Artifact:
    """The bytes behind a reference; ``digest`` is ``sha256:…`` of them."""

    reference: str
    data: bytes
    digest: str

    @classmethod
    def of(cls, reference: str, data: bytes) -> Artifact:
        return cls(reference, data, f"sha256:{hashlib.sha256(data).hexdigest()}")


class ArtifactSource(Protocol):
    """The port through which a host gets components."""

    async def fetch(self, reference: str) -> Artifact:
        """The bytes of a reference, or `ArtifactError` with the cause chained."""
        ...


class CellArtifacts:
    """What cells of the notebook built, by name; one registry for all hosts of a kernel."""

    def __init__(self) -> None:
        self._paths: dict[str, Path] = {}

    def put(self, name: str, path: Path) -> str:
        """Remember a built component under ``name``; returns its reference."""
        self._paths[name] = Path(path)
        return f"cell://{name}"

    def path(self, name: str) -> Path:
        try:
            return self._paths[name]
        except KeyError:
            near = difflib.get_close_matches(name, self._paths, n=3)
            raise ArtifactError(
                f"no cell has built a component named `{name}`",
                hint=f"Built so far: {', '.join(near or sorted(self._paths)) or 'nothing'}.",
                reference=f"cell://{name}",
                matches=near,
            ) from None

    @property
    def names(self) -> Mapping[str, Path]:
        return dict(self._paths)


class Artifacts:
    """The artifact source of an embedded lattice: files and cells."""

    def __init__(
        self,
        cells: CellArtifacts | None = None,
        *,
        allow_file_load: bool = True,
        max_bytes: int = MAX_ARTIFACT_BYTES,
    ) -> None:
        self.cells = cells if cells is not None else CellArtifacts()
        self._allow_file_load = allow_file_load
        self._max_bytes = max_bytes

    async def fetch(self, reference: str) -> Artifact:
        parsed = parse_reference(reference)
        if parsed.kind is ReferenceKind.FILE:
            if not self._allow_file_load:
                raise ArtifactError(
                    "unable to start component from file, file loading is disabled",
                    reference=reference,
                )
            return await self._read(parsed, Path(parsed.value))
        if parsed.kind is ReferenceKind.CELL:
            return await self._read(parsed, self.cells.path(parsed.value))
        if parsed.kind is ReferenceKind.BUILTIN:
            raise ArtifactError("nothing to fetch for a builtin", reference=reference)
        raise registry_error("component", parsed)

    async def _read(self, reference: Reference, path: Path) -> Artifact:
        if not path.is_absolute():
            raise ArtifactError(
                f"failed to read component: `{reference.text}` has no absolute path",
                hint="Write file:///absolute/path.wasm.",
                reference=reference.text,
            )
        return await asyncio.to_thread(self._read_now, reference.text, path)

    def _read_now(self, reference: str, path: Path) -> Artifact:
        try:
            size = path.stat().st_size
            if size > self._max_bytes:
                raise ArtifactError(
                    f"failed to read component: {size} bytes are more than the "
                    f"{self._max_bytes} allowed",
                    reference=reference,
                )
            return Artifact.of(reference, path.read_bytes())
        except (OSError, ValueError) as error:
            raise ArtifactError("failed to read component", reference=reference) from error


def registry_error(what: str, reference: Reference) -> ArtifactError:
    """The error of every OCI reference, until hosts can pull."""
    return ArtifactError(
        f"failed to fetch {what} under OCI reference `{reference.value}`: "
        "pulling from registries is not available yet",
        hint="Use a file:///absolute/path.wasm or a component built in a cell (cell://NAME).",
        reference=reference.text,
    )
