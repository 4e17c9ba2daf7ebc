"""The claims token inside a component: find, check, embed (claims-and-artifacts.md §3-5).

The token sits in a custom section at the end of the file; its ``hash`` covers the file without
any such section at any depth. All functions are pure over bytes; only `DecodeError` comes out of
those that read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from workbench.errors import DecodeError, LimitExceeded, UsageError
from workbench.wire.jsontext import always, decode, encode
from workbench.wire.keys import KeyPair, Token, TokenClaims, decode_jwt, encode_jwt, new_token_id
from workbench.wire.limits import DEFAULT_LIMITS
from workbench.wire.records import ClaimsRecord

__all__ = [
    "ComponentMetadata",
    "SignedComponent",
    "component_hash",
    "embed_token",
    "extract",
    "find_token",
    "sign_component",
    "strip",
]

_MAGIC = b"\0asm"
_COMPONENT = _MAGIC + b"\x0d\x00\x01\x00"
_MODULE = _MAGIC + b"\x01\x00\x00\x00"
_SECTION_NAMES = (b"wasmcloud_jwt", b"jwt")
_CUSTOM, _CORE_MODULE, _NESTED_COMPONENT = 0, 1, 4
_REVISION = 3


class ComponentMetadata(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The ``wascap`` object of a component's token, keys in upstream's order."""

    name: str | None = None
    hash: str
    tags: tuple[str, ...] | None = None
    rev: int | None = None
    ver: str | None = None
    call_alias: str | None = None
    prov: bool = always(False)


class SignedComponent(msgspec.Struct, frozen=True, kw_only=True):
    """A component's token with its metadata."""

    token: Token
    metadata: ComponentMetadata

    @property
    def issuer(self) -> str:
        return self.token.claims.iss

    @property
    def subject(self) -> str:
        return self.token.claims.sub

    def record(self) -> ClaimsRecord:
        """The ``CLAIMS_{subject}`` value that a host writes: ``""`` for what is not known."""
        meta = self.metadata
        return ClaimsRecord(
            call_alias=meta.call_alias or "",
            issuer=self.issuer,
            name=meta.name or "",
            revision=str(meta.rev or 0),
            subject=self.subject,
            tags=meta.tags or (),
            version=meta.ver or "",
        )

    def problem(self, now_s: float) -> str:
        """Why a host would refuse the token now, ``""`` if it would not."""
        if self.token.expired(now_s):
            return "token expired"
        if self.token.too_early(now_s):
            return "token cannot be used yet"
        return "" if self.token.signature_valid else "signature is not valid"


def extract(wasm: bytes) -> SignedComponent | None:
    """The claims of a component or core module, ``None`` if it is unsigned.

    The hash is checked for tokens of revision 3 and later, as hosts do; dates and signature are
    for the caller (`SignedComponent.problem`).
    """
    text = find_token(wasm)
    if text is None:
        return None
    token = decode_jwt(text)
    if token.claims.wascap is None:
        raise DecodeError("the token of the component has no metadata")
    metadata = decode(
        encode(token.claims.wascap), ComponentMetadata, what="metadata of the component's token"
    )
    if (token.claims.wascap_revision or 0) >= _REVISION and metadata.hash != component_hash(wasm):
        raise DecodeError("Invalid module hash")
    return SignedComponent(token=token, metadata=metadata)


def find_token(wasm: bytes) -> str | None:
    """The text of the first claims section at the top level."""
    for section_id, body in _sections(memoryview(wasm)[_header_end(wasm) :]):
        if section_id == _CUSTOM:
            name, rest = _name(body)
            if name in _SECTION_NAMES:
                try:
                    return bytes(rest).decode("ascii")
                except UnicodeDecodeError as error:
                    raise DecodeError("the claims section is not text") from error
    return None


def component_hash(wasm: bytes) -> str:
    """Upper-case hex SHA-256 of the stripped file (§4)."""
    return hashlib.sha256(strip(wasm)).hexdigest().upper()


def strip(wasm: bytes) -> bytes:
    """The file without claims sections, re-encoded with minimal section sizes."""
    out = bytearray()
    _strip(memoryview(wasm), out, 0)
    return bytes(out)


def embed_token(wasm: bytes, token: str) -> bytes:
    """The stripped file with ``token`` appended as its claims section."""
    name = _SECTION_NAMES[0]
    body = _leb128(len(name)) + name + token.encode("ascii")
    return strip(wasm) + bytes((_CUSTOM,)) + _leb128(len(body)) + body


def sign_component(
    wasm: bytes,
    *,
    issuer: KeyPair,
    subject: KeyPair,
    now_s: int,
    name: str | None = None,
    tags: tuple[str, ...] = (),
    revision: int | None = None,
    version: str | None = None,
    call_alias: str | None = None,
    expires_s: int | None = None,
    not_before_s: int | None = None,
    token_id: str | None = None,
) -> bytes:
    """The file signed by ``issuer`` (``A…``) for the identity ``subject`` (``M…``).

    Times are epoch seconds. An older signature is replaced.
    """
    if issuer.kind != "A" or subject.kind != "M":
        raise UsageError("an account key (A…) signs a module key (M…)")
    metadata = ComponentMetadata(
        name=name,
        hash=component_hash(wasm),
        tags=tags,
        rev=revision,
        ver=version,
        call_alias=call_alias,
    )
    claims = TokenClaims(
        exp=expires_s,
        jti=token_id or new_token_id(),
        iat=now_s,
        iss=issuer.public,
        sub=subject.public,
        nbf=not_before_s,
        wascap=metadata,
        wascap_revision=_REVISION,
    )
    return embed_token(wasm, encode_jwt(claims, issuer))


def _strip(wasm: memoryview, out: bytearray, depth: int) -> None:
    if depth > DEFAULT_LIMITS.depth:
        raise LimitExceeded("components nest too deep", limit="depth")
    end = _header_end(wasm)
    is_component = bytes(wasm[4:8]) == _COMPONENT[4:]
    out += _COMPONENT if is_component else _MODULE
    for section_id, body in _sections(wasm[end:]):
        if section_id == _CUSTOM and _name(body)[0] in _SECTION_NAMES:
            continue
        out.append(section_id)
        if is_component and section_id in (_CORE_MODULE, _NESTED_COMPONENT):
            inner = bytearray()
            _strip(body, inner, depth + 1)
            out += _leb128(len(inner))
            out += inner
        else:
            out += _leb128(len(body))
            out += body


def _header_end(wasm: Any) -> int:
    if bytes(wasm[:8]) not in (_COMPONENT, _MODULE):
        raise DecodeError("the bytes are not WebAssembly (magic header not detected)")
    return 8


def _sections(rest: memoryview) -> Iterator[tuple[int, memoryview]]:
    while len(rest):
        section_id = rest[0]
        size, start = _unleb128(rest, 1)
        if start + size > len(rest):
            raise DecodeError(f"section {section_id} claims {size} bytes, the file ends before")
        yield section_id, rest[start : start + size]
        rest = rest[start + size :]


def _name(body: memoryview) -> tuple[bytes, memoryview]:
    size, start = _unleb128(body, 0)
    if start + size > len(body):
        raise DecodeError("the name of a custom section is longer than the section")
    return bytes(body[start : start + size]), body[start + size :]


def _leb128(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _unleb128(data: memoryview, at: int) -> tuple[int, int]:
    """A u32 and the offset behind it."""
    number = 0
    for index in range(5):
        if at + index >= len(data):
            raise DecodeError("the file ends within a length")
        byte = data[at + index]
        number |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return number, at + index + 1
    raise DecodeError("a length is longer than five bytes")
