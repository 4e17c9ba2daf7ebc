"""Keys, tokens, and the claims inside components."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from tests.fuzz.target import Target
from tests.golden import FOLDER
from workbench.wire import claims, keys
from workbench.wire.keys import KeyPair, TokenClaims

__all__ = ["TARGETS"]

SIGNED = FOLDER / "tiny-signed.wasm"
ISSUER = KeyPair.from_raw("A", bytes(range(32)))


def _text(data: bytes) -> str:
    # Every byte is some character: what is no UTF-8 is somebody's Latin-1.
    return data.decode("latin-1")


def _key(data: bytes) -> None:
    text = _text(data[1:])
    if not data or data[0] % 2:
        kind, raw = keys.decode_public(text)
        assert kind == text[0] and len(raw) == 32
        assert keys.verify(text, b"", bytes(64)) is False
    else:
        pair = KeyPair.from_seed(text)
        assert pair.seed == text
        assert keys.decode_public(pair.public)[0] == pair.kind
        assert text not in repr(pair)


def _jwt(data: bytes) -> None:
    token = keys.decode_jwt(_text(data))
    token.expired(0.0)
    token.too_early(0.0)
    assert not token.signature_valid or keys.decode_public(token.claims.iss)


def _signed_payload(data: bytes) -> None:
    """A token whose signature is right and whose content is anybody's."""
    head, body = (base64.urlsafe_b64encode(part).rstrip(b"=").decode()
                  for part in (b'{"typ":"jwt","alg":"Ed25519"}', data))  # fmt: skip
    signature = ISSUER.sign(f"{head}.{body}".encode())
    keys.decode_jwt(f"{head}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")


def _claims(data: bytes) -> None:
    bare = claims.strip(data)
    assert claims.strip(bare) == bare, "stripping twice changes nothing more"
    assert claims.find_token(bare) is None
    signed = claims.extract(data)
    if signed is not None:
        signed.problem(0.0)
        signed.record()


def _token(subject: KeyPair) -> str:
    made = TokenClaims(jti="x", iat=1, iss=ISSUER.public, sub=subject.public, exp=5, nbf=1,
                       wascap={"hash": "AB", "name": "n"}, wascap_revision=3)  # fmt: skip
    return keys.encode_jwt(made, ISSUER)


def _keys() -> Iterator[bytes]:
    for kind in keys.KINDS:
        pair = KeyPair.from_raw(kind, bytes(range(32)))
        yield b"\x01" + pair.public.encode()
        yield b"\x00" + pair.seed.encode()


def _tokens() -> Iterator[bytes]:
    yield _token(KeyPair.from_raw("M", bytes(32))).encode()
    token = claims.find_token(SIGNED.read_bytes())
    assert token is not None
    yield token.encode()


def _payloads() -> Iterator[bytes]:
    for token in _tokens():
        body = token.split(b".")[1]
        yield base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4))
    yield b'{"jti":"x","iat":1,"iss":"%s","sub":"M"}' % ISSUER.public.encode()


def _files() -> Iterator[bytes]:
    yield SIGNED.read_bytes()
    yield claims.strip(SIGNED.read_bytes())


TARGETS = [
    Target("key", _key, _keys, max_bytes=128),
    Target("jwt", _jwt, _tokens, max_bytes=1024),
    Target("jwt-payload", _signed_payload, _payloads, max_bytes=1024),
    Target("claims", _claims, _files),
]
