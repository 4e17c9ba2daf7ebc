"""What was built before: components by the hash of everything that went into them.

A private directory (0700). Entries are complete directories that appear by one rename, so a
reader never sees half an entry and two builders of the same thing don't disturb each other.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cache", "Entry", "default_cache_dir"]

KEEP_ENTRIES = 60  # a Python component is some 18 MB, so about 1 GB at most
KEEP_DURATIONS = 20


def default_cache_dir() -> Path:
    """Where the workbench caches: ``WASMCLOUD_WORKBENCH_CACHE``, else the platform's place."""
    override = os.environ.get("WASMCLOUD_WORKBENCH_CACHE")
    if override:
        return Path(override)
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "wasmcloud-workbench"


@dataclass(frozen=True, slots=True)
class Entry:
    """One built component. ``seconds`` is what the build took, not the look-up."""

    path: Path
    digest: str
    size_bytes: int
    seconds: float


class Cache:
    """Built components under one directory."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root or default_cache_dir()) / "components"
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)

    @staticmethod
    def key(*parts: str) -> str:
        """A name for everything that decides what comes out of a build."""
        digest = hashlib.sha256()
        for part in parts:
            data = part.encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(data) + data)
        return digest.hexdigest()

    def get(self, key: str) -> Entry | None:
        """The entry, or ``None`` when it is absent or damaged."""
        folder = self.root / key
        try:
            record = json.loads((folder / "build.json").read_bytes())
            path = folder / "component.wasm"
            entry = Entry(path, record["digest"], record["size_bytes"], record["seconds"])
            if path.stat().st_size != entry.size_bytes:
                return None
            os.utime(folder)  # the least recently used entry goes first
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return entry

    def put(self, key: str, component: bytes, *, seconds: float) -> Entry:
        """Store a component; an entry that is there already is replaced when it is damaged."""
        digest = f"sha256:{hashlib.sha256(component).hexdigest()}"
        record = {"digest": digest, "size_bytes": len(component), "seconds": round(seconds, 3)}
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=self.root))
        try:
            (fresh / "component.wasm").write_bytes(component)
            (fresh / "build.json").write_text(json.dumps(record), encoding="utf-8")
            self._move_into_place(fresh, self.root / key)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        self._prune()
        return Entry(self.root / key / "component.wasm", digest, len(component), seconds)

    @staticmethod
    def _move_into_place(fresh: Path, target: Path) -> None:
        try:
            fresh.rename(target)
        except OSError:
            # Somebody was faster, or a damaged entry stands there: file by file is atomic too.
            target.mkdir(mode=0o700, exist_ok=True)
            for name in ("component.wasm", "build.json"):
                (fresh / name).replace(target / name)

    def _prune(self) -> None:
        entries: list[tuple[float, Path]] = []
        for folder in self.root.iterdir():
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            try:
                entries.append((folder.stat().st_mtime, folder))
            except FileNotFoundError:
                continue  # another process prunes too
        entries.sort(reverse=True)
        for _, folder in entries[KEEP_ENTRIES:]:
            shutil.rmtree(folder, ignore_errors=True)

    def expected_seconds(self, lang: str) -> float | None:
        """The median of earlier builds in this language, or ``None`` before the first."""
        durations = self._durations().get(lang, [])
        return statistics.median(durations) if durations else None

    def note_duration(self, lang: str, seconds: float) -> None:
        """Remember how long a build took."""
        durations = self._durations()
        durations[lang] = [*durations.get(lang, []), round(seconds, 3)][-KEEP_DURATIONS:]
        descriptor, name = tempfile.mkstemp(prefix=".durations-", dir=self.root)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(durations, file)
        Path(name).replace(self.root / "durations.json")

    def _durations(self) -> dict[str, list[float]]:
        try:
            raw = json.loads((self.root / "durations.json").read_bytes())
        except (OSError, ValueError):
            return {}
        if not isinstance(raw, dict):
            return {}
        return {
            lang: [float(d) for d in values if isinstance(d, int | float)]
            for lang, values in raw.items()
            if isinstance(values, list)
        }
