"""Why a guest stopped: what counts as evidence for the memory limit."""

from __future__ import annotations

from pathlib import Path

from workbench.wasm.traps import _largest_linear_memory

_MAPS = """\
7f00c4000000-7f00c6000000 ---p 00000000 00:00 0
7f00c6000000-7f00c6600000 rw-p 00000000 00:01 7 /memfd:wasm-memory-image (deleted)
7f00c6600000-7f00c6800000 rw-p 00000000 00:00 0
7f00c6800000-7f01c8000000 ---p 00000000 00:00 0
7f01c8000000-7f01f8000000 rw-p 00000000 00:00 0
7f01f8000000-7f01fc000000 ---p 00000000 00:00 0
7f01fd000000-7f02fd000000 rw-p 00000000 00:00 0
"""


def test_only_a_memory_between_guard_and_reservation_counts(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text(_MAPS)
    assert _largest_linear_memory(maps) == 8 << 20
    assert _largest_linear_memory(tmp_path / "none") == 0
