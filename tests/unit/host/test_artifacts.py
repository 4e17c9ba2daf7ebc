import pytest

from workbench.errors import ArtifactError
from workbench.host.artifacts import (
    Artifacts,
    CellArtifacts,
    ReferenceKind,
    parse_reference,
)
from workbench.host.failures import StepFailed, error_chain


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("file:///a/b.wasm", ReferenceKind.FILE, "/a/b.wasm"),
        ("oci://reg.example/x:1", ReferenceKind.OCI, "reg.example/x:1"),
        ("https://reg.example/x:1", ReferenceKind.OCI, "reg.example/x:1"),
        ("localhost:5000/foo:1", ReferenceKind.OCI, "localhost:5000/foo:1"),
        ("reg.example/acme/foo:1.0", ReferenceKind.OCI, "reg.example/acme/foo:1.0"),
        ("wasmcloud+builtin://http-server", ReferenceKind.BUILTIN, "http-server"),
        ("cell://Hello", ReferenceKind.CELL, "Hello"),
        ("", ReferenceKind.OCI, ""),
    ],
)
def test_a_reference_is_sorted_by_its_scheme(text, kind, value):
    parsed = parse_reference(text)
    assert (parsed.kind, parsed.value, parsed.text) == (kind, value, text)


@pytest.mark.parametrize(
    "text",
    [
        "ghcr.example/wasmcloud/http-server:0.27.0",
        "http-server",
        "localhost:5000/http-server:1@sha256:00",
        "reg.example/a/http-server@sha256:00",
    ],
)
def test_the_base_name_of_a_registry_reference_leaves_registry_tag_and_digest_out(text):
    assert parse_reference(text).base_name == "http-server"


async def test_a_file_is_read_and_digested(tmp_path):
    path = tmp_path / "with blank.wasm"
    path.write_bytes(b"bytes")
    artifact = await Artifacts().fetch(f"file://{tmp_path}/with%20blank.wasm")
    assert artifact.data == b"bytes"
    assert artifact.digest.startswith("sha256:277089d91c0bdf4f2e6862ba7e4a0760")


async def test_a_missing_file_is_said_in_the_words_of_the_real_host(tmp_path):
    with pytest.raises(ArtifactError) as caught:
        await Artifacts().fetch(f"file://{tmp_path}/nope.wasm")
    failed = StepFailed("failed to fetch component")
    failed.__cause__ = caught.value
    assert error_chain(failed) == (
        "failed to fetch component: failed to read component: "
        "No such file or directory (os error 2)"
    )


async def test_loading_files_can_be_forbidden(tmp_path):
    with pytest.raises(ArtifactError, match="file loading is disabled"):
        await Artifacts(allow_file_load=False).fetch("file:///a.wasm")


async def test_a_file_over_the_limit_is_not_read(tmp_path):
    (tmp_path / "big").write_bytes(b"x" * 11)
    with pytest.raises(ArtifactError, match="11 bytes are more than the 10 allowed"):
        await Artifacts(max_bytes=10).fetch(f"file://{tmp_path}/big")


@pytest.mark.parametrize("text", ["file://relative/path", "file://", "file://%00"])
async def test_odd_file_references_are_refused(text):
    with pytest.raises(ArtifactError):
        await Artifacts().fetch(text)


async def test_what_a_cell_built_is_found_by_name(tmp_path):
    (tmp_path / "hello.wasm").write_bytes(b"hello")
    cells = CellArtifacts()
    reference = cells.put("hello", tmp_path / "hello.wasm")
    assert (await Artifacts(cells).fetch(reference)).data == b"hello"


async def test_an_unknown_cell_names_those_that_are_near(tmp_path):
    cells = CellArtifacts()
    cells.put("hello", tmp_path / "hello.wasm")
    with pytest.raises(ArtifactError) as caught:
        await Artifacts(cells).fetch("cell://helo")
    assert "hello" in caught.value.hint


async def test_registries_are_said_to_be_not_available_yet():
    with pytest.raises(ArtifactError) as caught:
        await Artifacts().fetch("oci://reg.example/acme/foo:1")
    assert caught.value.message == (
        "failed to fetch component under OCI reference `reg.example/acme/foo:1`: "
        "pulling from registries is not available yet"
    )


async def test_there_is_nothing_to_fetch_for_a_builtin():
    with pytest.raises(ArtifactError, match="nothing to fetch for a builtin"):
        await Artifacts().fetch("wasmcloud+builtin://http-server")
