"""Feature gates: whether an item is there in one version of its package, and if not, why.

``@since`` names the version of the package that brought the item, ``@unstable`` the feature that
must be asked for. ``@deprecated`` takes nothing away.

Source: component-model WIT.md, "Feature Gates", and semver 2.0 §11.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from workbench.wire.wit.ast import Gate, PackageName
from workbench.wire.wit.source import Source

__all__ = ["ALL_FEATURES", "absence", "version_key"]

ALL_FEATURES = "*"
"""As a feature name: every ``@unstable`` item counts."""


@lru_cache(maxsize=1024)
def version_key(version: str) -> tuple[tuple[int, ...], bool, tuple[tuple[int, int, str], ...]]:
    """Orders versions as semver does; a release comes after its pre-releases."""
    main, _, rest = version.split("+", 1)[0].partition("-")
    numbers = tuple(int(part) for part in re.findall(r"\d{1,18}", main))
    parts = tuple(
        (0, int(p), "") if p.isdecimal() and len(p) < 19 else (1, 0, p)
        for p in rest.split(".")
        if rest
    )
    return numbers, not rest, parts


def absence(
    gate: Gate | None, package: PackageName, features: Collection[str], source: Source
) -> str:
    """Why a gated item is not there; empty when it is.

    A version gate in a package without a version is refused: nothing could pass it or fail it.
    """
    if gate is None:
        return ""
    if (gate.since or gate.deprecated) and not package.version:
        source.resolve_fault(
            f"a version gate needs a package with a version, and {package} has none",
            gate.offset,
            f"start with: package {package}@{gate.since or gate.deprecated};",
        )
    if gate.since:
        if version_key(package.version) < version_key(gate.since):
            return f"it comes with version {gate.since}, and this is {package}"
    elif gate.unstable and not (gate.unstable in features or ALL_FEATURES in features):
        return f"it belongs to the feature {gate.unstable!r}, which is not asked for"
    return ""
