"""nkeys of every kind, and the signed tokens made with them (claims-and-artifacts.md §1-2).

The nkeys library knows no ``M``, ``V`` and ``X`` keys, so the text form is coded here over its
checksum and PyNaCl's Ed25519; nothing outside this module imports either.
Secrets stay out of every repr.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

import msgspec
from nacl.bindings import crypto_scalarmult_base
from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey
from nkeys import crc16

from workbench.errors import DecodeError, UsageError
from workbench.wire.jsontext import decode, encode

__all__ = [
    "KINDS",
    "KeyPair",
    "Token",
    "TokenClaims",
    "decode_jwt",
    "decode_public",
    "encode_jwt",
    "generate",
    "new_token_id",
    "verify",
]

KINDS = {
    "N": 13 << 3,  # server: host ids
    "C": 2 << 3,  # cluster
    "O": 14 << 3,  # operator
    "A": 0,  # account: issuers
    "U": 20 << 3,  # user
    "M": 12 << 3,  # module: components
    "V": 21 << 3,  # service: providers
    "X": 23 << 3,  # curve: encryption only
}
"""Kind letter to prefix byte."""

_LETTERS = {prefix: letter for letter, prefix in KINDS.items()}
_SEED = 18 << 3
_PUBLIC_CHARS, _SEED_CHARS = 56, 58


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key with its seed. ``public`` is 56 characters; the seed is never shown."""

    public: str
    seed: str = field(repr=False)

    @classmethod
    def generate(cls, kind: str) -> KeyPair:
        """A fresh key of a kind letter: ``N A M V C O U X``."""
        return cls.from_raw(kind, os.urandom(32))

    @classmethod
    def from_raw(cls, kind: str, raw: bytes) -> KeyPair:
        """The key of 32 secret bytes."""
        prefix = KINDS.get(kind)
        if prefix is None:
            raise UsageError(
                f"there is no key kind {kind!r}", hint=f"kinds are {' '.join(sorted(KINDS))}"
            )
        if len(raw) != 32:
            raise UsageError("a seed has 32 bytes")
        head = bytes((_SEED | prefix >> 5, (prefix & 31) << 3))
        public = crypto_scalarmult_base(raw) if kind == "X" else bytes(SigningKey(raw).verify_key)
        return cls(_text(bytes((prefix,)) + public), _text(head + raw))

    @classmethod
    def from_seed(cls, seed: str) -> KeyPair:
        """The key of a seed (``SN…``, ``SA…``, …); `DecodeError` if it is none."""
        kind, raw = _decode_seed(seed)
        return cls.from_raw(kind, raw)

    @property
    def kind(self) -> str:
        return self.public[0]

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature, 64 bytes."""
        if self.kind == "X":
            raise UsageError("a curve key encrypts; it cannot sign")
        return SigningKey(_decode_seed(self.seed)[1]).sign(message).signature


def generate(kind: str) -> KeyPair:
    """A fresh key of a kind letter."""
    return KeyPair.generate(kind)


def decode_public(text: str) -> tuple[str, bytes]:
    """Kind letter and 32 bytes of a public key; `DecodeError` if it is none."""
    raw = _binary(text, _PUBLIC_CHARS, "public key")
    letter = _LETTERS.get(raw[0])
    if letter is None:
        raise DecodeError(f"no kind of public key starts like {text[:2]!r}")
    return letter, raw[1:]


def verify(public: str, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is ``public``'s over ``message``; `DecodeError` if it is no key."""
    kind, raw = decode_public(public)
    if kind == "X" or len(signature) != 64:
        return False
    try:
        VerifyKey(raw).verify(message, signature)
    except (CryptoError, ValueError):
        return False
    return True


class TokenClaims(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The claims of a token in the order that upstream signs; times are epoch seconds."""

    exp: int | None = None
    jti: str
    iat: int
    iss: str
    sub: str
    nbf: int | None = None
    wascap: Any = None
    wascap_revision: int | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A decoded token. ``signature_valid`` is a finding, not an error (§2.1 step 5)."""

    claims: TokenClaims
    signature_valid: bool
    text: str = field(repr=False)

    def expired(self, now_s: float) -> bool:
        return self.claims.exp is not None and self.claims.exp < now_s

    def too_early(self, now_s: float) -> bool:
        return self.claims.nbf is not None and now_s < self.claims.nbf


class _Header(msgspec.Struct, frozen=True):
    typ: str
    alg: str


def encode_jwt(claims: TokenClaims, issuer: KeyPair) -> str:
    """The signed token; ``claims.iss`` must be the issuer's public key."""
    if claims.iss != issuer.public:
        raise UsageError("a token is signed by the key that it names as issuer")
    signed = f"{_segment(encode(_Header('jwt', 'Ed25519')))}.{_segment(encode(claims))}"
    return f"{signed}.{_segment(issuer.sign(signed.encode()))}"


def decode_jwt(text: str) -> Token:
    """The token in ``text``. Wrong signature and dates are reported, all else is `DecodeError`."""
    segments = text.split(".")
    if len(segments) != 3:
        raise DecodeError(
            f"JWT error: invalid token format, expected 3 segments, found {len(segments)}"
        )
    head, body, signature = (_unsegment(segment) for segment in segments)
    header = decode(head, _Header, what="token header")
    if header.alg != "Ed25519":
        raise DecodeError("Invalid JWT algorithm. WASCAP only supports Ed25519")
    if header.typ != "jwt":
        raise DecodeError("JWT error: Invalid header")
    claims = decode(body, TokenClaims, what="token")
    for value, label in ((claims.iss, "an issuer"), (claims.sub, "a sub")):
        if not value:
            raise DecodeError(f"Invalid JWT. WASCAP requires {label} claim to be present")
    valid = verify(claims.iss, f"{segments[0]}.{segments[1]}".encode(), signature)
    return Token(claims, valid, text)


_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def new_token_id() -> str:
    """22 random base62 characters, as ``jti`` has."""
    return "".join(secrets.choice(_BASE62) for _ in range(22))


def _text(raw: bytes) -> str:
    return base64.b32encode(raw + crc16(raw).to_bytes(2, "little")).rstrip(b"=").decode()


def _binary(text: str, length: int, what: str) -> bytes:
    if len(text) != length:
        raise DecodeError(f"a {what} has {length} characters, not {len(text)}")
    try:
        raw = base64.b32decode(text + "=" * (-length % 8))
    except (binascii.Error, ValueError) as error:
        raise DecodeError(f"the {what} is not base32") from error
    body, checksum = raw[:-2], raw[-2:]
    # Re-encoding also refuses stray bits behind the last byte.
    if crc16(body).to_bytes(2, "little") != checksum or _text(body) != text:
        raise DecodeError(f"the checksum of the {what} is wrong")
    return body


def _decode_seed(seed: str) -> tuple[str, bytes]:
    raw = _binary(seed, _SEED_CHARS, "seed")
    letter = _LETTERS.get((raw[0] & 7) << 5 | raw[1] >> 3)
    if raw[0] & 0xF8 != _SEED or letter is None:
        raise DecodeError("the text is not a seed of any kind")
    return letter, raw[2:]


_URLSAFE = re.compile(r"[A-Za-z0-9_-]*")


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unsegment(text: str) -> bytes:
    if _URLSAFE.fullmatch(text) is None or len(text) % 4 == 1:
        raise DecodeError("JWT error: invalid token format")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _segment(raw) != text:
        raise DecodeError("JWT error: invalid token format")
    return raw
