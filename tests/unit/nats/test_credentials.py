"""A user JWT with its seed, and TLS with a private authority, against servers that insist."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import ConnectFailed, UsageError
from workbench.nats import Connection
from workbench.nats.server import find_nats_server
from workbench.wire.keys import KeyPair


@asynccontextmanager
async def server(folder: Path, config: str) -> AsyncIterator[str]:
    """A nats-server with a configuration of its own; gives its address."""
    path = folder / "nats.conf"
    path.write_text(f'host: "127.0.0.1"\nport: -1\n{config}')
    command = [str(find_nats_server()), "-c", str(path)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    address = ""
    try:
        async with asyncio.timeout(10.0):
            while line := (await process.stderr.readline()).decode():
                if "Listening for client connections on" in line:
                    address = line.split()[-1]
                if "Server is ready" in line:
                    break
        yield address
    finally:
        process.terminate()
        await process.communicate()


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(subject: KeyPair, issuer: KeyPair, kind: str, **more: Any) -> str:
    head = {"typ": "JWT", "alg": "ed25519-nkey"}
    claims = {
        "jti": "x", "iat": 1700000000, "iss": issuer.public, "sub": subject.public, "name": kind,
        "nats": {"type": kind, "version": 2, **more},
    }  # fmt: skip
    text = ".".join(_segment(json.dumps(part).encode()) for part in (head, claims))
    return f"{text}.{_segment(issuer.sign(text.encode()))}"


async def test_a_user_jwt_goes_with_its_seed(tmp_path: Path) -> None:
    operator, account, user = (KeyPair.generate(kind) for kind in "OAU")
    limits = {"subs": -1, "data": -1, "payload": -1, "conn": -1, "imports": -1, "exports": -1}
    of_account = token(account, operator, "account", limits=limits)
    config = (
        f"operator: {token(operator, operator, 'operator')}\nresolver: MEMORY\n"
        f"resolver_preload: {{ {account.public}: {of_account} }}\n"
    )
    jwt = token(user, account, "user", subs=-1, data=-1, payload=-1)
    async with server(tmp_path, config) as url:
        nc = await Connection.connect(url, nkey_seed=user.seed, jwt=jwt)
        await nc.flush()
        await nc.close()
        other = KeyPair.generate("U")
        with pytest.raises(ConnectFailed):
            await Connection.connect(url, nkey_seed=other.seed, jwt=jwt)
    with pytest.raises(UsageError, match="needs its seed"):
        await Connection.connect(url, jwt=jwt)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
async def test_a_private_authority_is_trusted_when_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.nats.connection.GIVE_UP_S", 1.0)

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)

    await asyncio.to_thread(_certificate, openssl)
    config = f'tls {{ cert_file: "{tmp_path}/cert.pem", key_file: "{tmp_path}/key.pem" }}\n'
    async with server(tmp_path, config) as url:
        nc = await Connection.connect(url, tls_ca=tmp_path / "cert.pem")
        await nc.flush()
        await nc.close()
        with pytest.raises(ConnectFailed, match=r"no connection to 127\.0\.0\.1"):
            await Connection.connect(url)
    for bad in ("no-such-file", "nats.conf"):
        with pytest.raises(UsageError, match="can't be read as certificates"):
            await Connection.connect(url, tls_ca=tmp_path / bad)


def _certificate(openssl: Callable[..., None]) -> None:
    """A certificate of 127.0.0.1 that signs itself."""
    openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=127.0.0.1",
        "-addext", "subjectAltName=IP:127.0.0.1",
    )  # fmt: skip
