"""The WIT packages that come with the workbench: WASI 0.2 and what wasmCloud v1 adds.

The WASI 0.2 packages are kept once, as ``0.2.8``, and served as any ``0.2.N`` that is asked
for: within 0.2 interfaces only grow, and what grew carries its ``@since`` gate. The texts are
bare signatures (interfaces.md §3, §4, §10).
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path

from workbench.errors import WitResolveError
from workbench.wire.wit.ast import PackageName
from workbench.wire.wit.gates import version_key
from workbench.wire.wit.resolve import Resolver

__all__ = [
    "WASI_OF_OTHERS",
    "WASI_VERSION",
    "bundled",
    "bundled_dir",
    "is_wasi_version",
    "new_resolver",
]

WASI_VERSION = "0.2.8"
"""The version under which the WASI 0.2 texts are kept."""

WASI_OF_OTHERS = "0.2.0"
"""Where wrpc:http@0.1.0 takes its types from (interfaces.md §4.3)."""

# Served versions are remembered, so a stranger's world must not name thousands of them.
_WASI_SERVED = re.compile(r"0\.2\.\d{1,2}")
# In the bundled texts a gated statement is one line.
_GATED = re.compile(r"[ ]*@since\(version = ([\d.]+)\)\n[^\n]*;\n")
_HEADER = re.compile(r"package ([\w-]+):([\w-]+)(?:@([^;\s]+))?;")


def is_wasi_version(version: str) -> bool:
    """Whether ``version`` is a WASI 0.2 release that can be served."""
    return _WASI_SERVED.fullmatch(version) is not None


@lru_cache(maxsize=1)
def _texts() -> dict[PackageName, str]:
    """Every bundled text by the package that its first line names."""
    found: dict[PackageName, str] = {}
    root = resources.files("workbench.wire.wit") / "packages"
    for namespace in sorted(root.iterdir(), key=lambda entry: entry.name):
        for file in sorted(namespace.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".wit"):
                text = file.read_text(encoding="utf-8")
                header = _HEADER.match(text)
                assert header is not None, f"{file.name} does not start with its package"
                found[PackageName(header[1], header[2], header[3] or "")] = text
    return found


def _with_wasi(text: str, version: str) -> str:
    """``text`` as of one WASI release: every reference at it, nothing that came later.

    Tools refuse a gate that names a version after the package's own, so what is gated goes.
    """
    newest = version_key(version)
    text = _GATED.sub(lambda m: m[0] if version_key(m[1]) <= newest else "", text)
    # Only references have the @ right before the version; gates write `version = 0.2.1`.
    return text.replace(f"@{WASI_VERSION}", f"@{version}")


class _BundledLibrary:
    """The `Library` of the bundled texts; packages that are no WASI 0.2 refer to ``wasi``."""

    def __init__(self, wasi: str) -> None:
        self._wasi = wasi

    def texts(self, name: PackageName) -> Sequence[tuple[str, str]] | None:
        texts = _texts()
        kept = PackageName(name.namespace, name.name, WASI_VERSION)
        if kept in texts and is_wasi_version(name.version):
            return [(f"<bundled {name}>", _with_wasi(texts[kept], name.version))]
        text = texts.get(name)
        if text is None:
            return None
        return [(f"<bundled {name}>", _with_wasi(text, self._wasi))]

    def names(self) -> Sequence[PackageName]:
        return list(_texts())


@lru_cache(maxsize=128)
def bundled(wasi: str = WASI_OF_OTHERS) -> Resolver:
    """The resolver of the bundled packages; shared, so nothing can be added to it.

    ``wasi`` is the version that `wasi:blobstore` and `wrpc:http` take their WASI types from.
    """
    _demand_wasi(wasi)
    return Resolver(library=_BundledLibrary(wasi)).freeze()


def new_resolver(*, wasi: str = WASI_OF_OTHERS, features: Iterable[str] = ()) -> Resolver:
    """An empty resolver that finds the bundled packages too."""
    return Resolver(base=bundled(wasi), features=features)


def _demand_wasi(version: str) -> None:
    if not is_wasi_version(version):
        raise WitResolveError(
            f"{version!r} is no WASI 0.2 version", hint="use 0.2.N, such as 0.2.2"
        )


def bundled_dir(version: str = WASI_VERSION, into: Path | None = None) -> Path:
    """A directory for ``-d`` of componentize-py and other users of wit-parser.

    Every WASI reference in it is ``version``. The directory is made once per version and
    content below ``into``, by default a temporary directory that goes away at exit.
    """
    _demand_wasi(version)
    files = {
        f"deps/{_directory(name)}/package.wit": _with_wasi(text, version)
        for name, text in _texts().items()
    }
    # wit-parser wants a package at the root of what it is given.
    files["package.wit"] = "package workbench:bundled;\n"
    digest = hashlib.sha256("\0".join(f"{k}\0{v}" for k, v in files.items()).encode())
    root = (into if into is not None else _temporary()) / f"wit-{version}-{digest.hexdigest()[:12]}"
    if not root.is_dir():
        _write(root, files)
    return root


def _directory(name: PackageName) -> str:
    version = "" if name.version in ("", WASI_VERSION) else f"-{name.version}"
    return f"{name.namespace}-{name.name}{version}"


def _write(root: Path, files: dict[str, str]) -> None:
    root.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{root.name}.", dir=root.parent))
    try:
        for path, text in files.items():
            target = draft / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        try:
            os.rename(draft, root)
        except OSError:
            # Another process was faster; a directory of this name has this content.
            if not root.is_dir():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@lru_cache(maxsize=1)
def _temporary() -> Path:
    path = tempfile.mkdtemp(prefix="workbench-wit-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return Path(path)
