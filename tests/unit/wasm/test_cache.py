"""Compiled code on disk: found again, and never trusted blindly."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import pytest

from tests.unit.wasm.conftest import TINY_API, wat
from workbench.wasm import Engine
from workbench.wasm.cache import CompiledCache


def _run(directory: Path) -> bool:
    """Whether a new engine finds the tiny component in the cache; it always runs it."""
    engine = Engine(cache_dir=directory, workers=1)
    try:
        component = engine.load_blocking(wat("tiny"))
        assert component.instantiator().call_inline(TINY_API, "add", (1, 2)) == 3
        return component.cached
    finally:
        engine.close_blocking()


def test_the_second_engine_finds_the_code_of_the_first(tmp_path: Path) -> None:
    assert not _run(tmp_path / "c")
    assert _run(tmp_path / "c")
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o700


def test_a_copied_cache_is_still_good(tmp_path: Path) -> None:
    _run(tmp_path / "c")
    shutil.copytree(tmp_path / "c", tmp_path / "d", copy_function=shutil.copyfile)
    (tmp_path / "d").chmod(0o700)
    for file in (tmp_path / "d").iterdir():
        file.chmod(0o600)
    assert _run(tmp_path / "d")
    assert _run(tmp_path / "d")


@pytest.mark.parametrize("damage", ["flip", "cut", "seal", "mode", "link"])
def test_a_tampered_file_is_compiled_again(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "c"
    _run(directory)
    (code,) = directory.glob("*.cwasm")
    data = bytearray(code.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 0xFF
        code.write_bytes(data)
    elif damage == "cut":
        code.write_bytes(data[: len(data) // 2])
    elif damage == "seal":
        code.with_suffix(".seal").write_bytes(bytes(100))
    elif damage == "mode":
        code.chmod(0o666)
    else:
        code.rename(tmp_path / "elsewhere")
        code.symlink_to(tmp_path / "elsewhere")
    with caplog.at_level(logging.WARNING):
        assert not _run(directory)
    assert "is not used" in caplog.text
    assert _run(directory)


@pytest.mark.skipif(os.name != "posix", reason="needs file modes")
def test_a_directory_open_to_others_is_never_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "c"
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)
    assert not _run(directory)
    assert not _run(directory)
    assert list(directory.iterdir()) == []
    assert "0700" in caplog.text


def test_another_tag_is_another_file(tmp_path: Path) -> None:
    one, other = CompiledCache(tmp_path / "c", "a"), CompiledCache(tmp_path / "c", "b")
    one.store("d1", b"code")
    assert one.find("d1") is not None
    assert other.find("d1") is None
