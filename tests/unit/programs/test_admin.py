"""The HTTP server that tells that a program lives."""

from __future__ import annotations

import aiohttp
import pytest

from workbench.errors import UsageError
from workbench.programs.admin import Admin


async def test_it_answers_as_the_real_one() -> None:
    admin = Admin("127.0.0.1:0")
    address = await admin.start()
    try:
        async with aiohttp.ClientSession() as session:
            for path in ("livez", "readyz"):
                async with session.get(f"http://{address}/{path}") as reply:
                    assert (reply.status, await reply.text()) == (200, '{"status":"ok"}')
                async with session.head(f"http://{address}/{path}") as reply:
                    assert (reply.status, await reply.text()) == (200, "")
                async with session.post(f"http://{address}/{path}") as reply:
                    assert reply.status == 405
            async with session.get(f"http://{address}/other") as reply:
                assert (reply.status, await reply.text()) == (404, "unknown endpoint `/other`")
    finally:
        await admin.stop()


async def test_a_taken_address_is_said() -> None:
    admin = Admin("127.0.0.1:0")
    address = await admin.start()
    try:
        with pytest.raises(UsageError, match="can't listen"):
            await Admin(address).start()
    finally:
        await admin.stop()
