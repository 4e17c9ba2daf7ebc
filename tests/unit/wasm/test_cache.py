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


@pytest.mark.parametrize(
    "damage", ["flip", "cut", "seal", "short seal", "group", "others", "link", "owner"]
)
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
    elif damage == "short seal":
        code.with_suffix(".seal").write_bytes(b"")
    elif damage == "group":
        code.chmod(0o620)
    elif damage == "others":
        code.chmod(0o602)
    elif damage == "owner":
        if os.getuid() != 0:
            pytest.skip("only root can give a file away")
        os.chown(code, 12345, 12345)
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


@pytest.mark.skipif(os.name != "posix", reason="needs file modes")
@pytest.mark.parametrize("mode", [0o777, 0o757])
def test_a_directory_that_others_could_swap_is_never_used(tmp_path: Path, mode: int) -> None:
    """Between the check of a file and its use, somebody could put another directory there."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)
    assert "open to everyone" in CompiledCache(tmp_path / "open" / "c", "t").why_off
    (tmp_path / "open").chmod(mode | 0o1000)  # as /tmp: only owners rename
    assert not CompiledCache(tmp_path / "open" / "c", "t").why_off


def test_a_cache_that_came_from_elsewhere_is_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Unpacked from an archive the files belong to us, and their seals fit each other."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "their-home"))
    assert not _run(tmp_path / "c")
    assert _run(tmp_path / "c")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "my-home"))
    with caplog.at_level(logging.WARNING):
        assert not _run(tmp_path / "c")
    assert "its seal is not ours" in caplog.text
    assert _run(tmp_path / "c")


def test_good_code_under_the_name_of_another_component_is_compiled_again(tmp_path: Path) -> None:
    """Both files are ours; but what runs must be what was asked for."""
    cache = CompiledCache(tmp_path / "c", "t")
    cache.store("one", b"code one")
    cache.store("two", b"code two")
    for suffix in (".cwasm", ".seal"):
        shutil.copy(cache.path("one").with_suffix(suffix), cache.path("two").with_suffix(suffix))
    assert cache.find("one") is not None
    assert cache.find("two") is None


def test_what_is_known_about_the_code_comes_back_with_it(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "c", "t")
    cache.store("one", b"code", b"about " * 1000)
    found = cache.find("one")
    assert found is not None and found.about == b"about " * 1000
    seal = found.path.with_suffix(".seal")
    seal.write_bytes(seal.read_bytes().replace(b"about", b"ABOUT", 1))
    assert cache.find("one") is None


def test_what_was_not_used_for_longest_makes_room(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "c", "t")
    cache.most_bytes = 25
    cache.store("a", b"0123456789")
    cache.store("b", b"0123456789")
    for age, digest in enumerate("ab", start=1):
        os.utime(cache.path(digest).with_suffix(".seal"), (age, age))
    assert cache.find("a") is not None  # now b is the oldest
    cache.store("c", b"0123456789")
    assert [cache.find(d) is not None for d in "abc"] == [True, False, True]
    cache.store("large", bytes(100))  # alone it is too much, but it is what is needed now
    assert [cache.find(d) is not None for d in ("a", "c", "large")] == [False, False, True]
    assert len(list((tmp_path / "c").glob("*"))) == 2 + (tmp_path / "c" / "seal.key").exists()


def test_interfaces_read_from_the_cache_are_those_of_the_component(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Engine(cache_dir=tmp_path / "c", workers=1)
    compiled = {name: first.load_blocking(wat(name)) for name in ("imports", "http", "tiny")}
    second = Engine(cache_dir=tmp_path / "c", workers=1)
    with monkeypatch.context() as patch:
        patch.setattr("workbench.wasm.engine.introspect", None)  # it would fail if called
        for name, one in compiled.items():
            other = second.load_blocking(wat(name))
            assert other.cached and repr(other.world) == repr(one.world)
            assert list(other.found.resources) == list(one.found.resources)
    # Another version of this code described it otherwise: it is read anew.
    third = Engine(cache_dir=tmp_path / "c", workers=1)
    monkeypatch.setattr("workbench.wasm.engine._DESCRIBED_BY", bytes(32))
    other = third.load_blocking(wat("http"))
    assert other.cached and repr(other.world) == repr(compiled["http"].world)
    for engine in (first, second, third):
        engine.close_blocking()


def test_another_tag_is_another_file(tmp_path: Path) -> None:
    one, other = CompiledCache(tmp_path / "c", "a"), CompiledCache(tmp_path / "c", "b")
    one.store("d1", b"code")
    assert one.find("d1") is not None
    assert other.find("d1") is None
