"""A Python HTTP component on a host, called over wRPC."""

from __future__ import annotations

import pytest

from tests.integration.host.host_lattice import Lattice, Tap
from workbench.authoring import build_component
from workbench.errors import IncompleteResults, Trap
from workbench.wire.http import HttpRequest, HttpResponse, collect
from workbench.wire.http_wrpc import HANDLE, INCOMING_HANDLER, request_to_wrpc, result_from_wrpc

SOURCE = """
import workbench_http

def handle(request):
    if request.path == "/rehearsed":
        return str(workbench_http.rehearsed)
    if request.path == "/boom":
        raise ValueError("boom")
    return f"{request.method} {request.path} {len(request.body)}"
"""


@pytest.mark.slow
async def test_a_python_http_component_answers_and_gives_its_permit_back(
    lattice: Lattice, tap: Tap
):
    built = await build_component(SOURCE, name="hello", world="hello")
    reference = lattice.cells.put("hello", built.path)
    await lattice.add_host()
    await lattice.scale(reference, "hello", count=1)
    await tap.event("component_scaled", timeout_s=100)
    client = lattice.client()

    async def call(path: str, body: bytes) -> HttpResponse:
        request = HttpRequest(method="POST", path_with_query=path, body=body)
        answer = await client.invoke("hello", INCOMING_HANDLER, HANDLE, [request_to_wrpc(request)])
        return result_from_wrpc(answer)

    try:
        for size in (0, 3, 200_000):
            response = await call("/a", b"x" * size)
            assert response.status == 200
            assert await collect(response.body) == f"POST /a {size}".encode()
        with pytest.raises(IncompleteResults):
            await call("/boom", b"")
        assert isinstance((await lattice.logged("error")).error, Trap)
        assert any("ValueError: boom" in line.message for line in lattice.log)
        assert (await call("/after", b"")).status == 200
        # With the bindings of the real tool, while it was built.
        assert await collect((await call("/rehearsed", b"")).body) == b"64"
    finally:
        await client.close()
