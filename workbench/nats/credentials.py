"""Who we are to a server, as options of nats-py."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from nats.aio.client import RawCredentials

from workbench.errors import UsageError

__all__ = ["login", "trust"]

_CREDS = """\
-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""


def login(
    *,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    creds: str | None = None,
    nkey_seed: str | None = None,
    jwt: str | None = None,
) -> dict[str, Any]:
    """The options for what is given; a JWT goes with the seed that it was issued for."""
    if jwt is not None:
        if nkey_seed is None:
            raise UsageError("a user JWT needs its seed too", hint="give nkey_seed beside jwt")
        raw = RawCredentials(_CREDS.format(jwt=jwt.strip(), seed=nkey_seed.strip()))
        return {"user_credentials": raw}
    given = {
        "user": user,
        "password": password,
        "token": token,
        "user_credentials": creds,
        "nkeys_seed_str": nkey_seed,
    }
    return {key: value for key, value in given.items() if value is not None}


def trust(ca_file: str | Path | None) -> dict[str, Any]:
    """With a file of authorities TLS is required, and only they count beside the system's."""
    if ca_file is None:
        return {}
    try:
        context = ssl.create_default_context()
        context.load_verify_locations(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"{ca_file} can't be read as certificates: {error}",
            hint="give a PEM file with the certificate of the authority",
        ) from error
    return {"tls": context}
