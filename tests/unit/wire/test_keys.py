"""nkeys and tokens, against published and recorded vectors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import DecodeError, RemoteError, UsageError
from workbench.wire import keys
from workbench.wire.keys import KeyPair, TokenClaims

# claims-and-artifacts.md §1: seed bytes 00..1f.
VECTORS = {
    "N": (
        "SNAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H2D5U",
        "NAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RSWB",
    ),
    "A": (
        "SAAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4HYMHI",
        "AAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3QPZV",
    ),
    "M": (
        "SMAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H2CRY",
        "MAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLXP",
    ),
    "V": (
        "SVAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H76SU",
        "VAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RSLE",
    ),
    "U": (
        "SUAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H776Y",
        "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK",
    ),
    "X": (
        "SXAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H74KM",
        "XCHUBRNNW2HSKYSK4WZBJ2TWPJXMSTMCTU6XWXQ22G5G6PRBHAUF76G7",
    ),
}


@pytest.mark.parametrize("kind", VECTORS)
def test_a_key_has_the_known_text(kind: str) -> None:
    pair = KeyPair.from_raw(kind, bytes(range(32)))
    assert (pair.seed, pair.public) == VECTORS[kind]
    assert KeyPair.from_seed(pair.seed) == pair
    assert keys.decode_public(pair.public)[0] == kind


def test_upstreams_own_vector_is_reproduced() -> None:
    pair = KeyPair.from_seed("SAAPN4W3EG6KCJGUQTKTJ5GSB5NHK5CHAJL4DBGFUM3HHROI4XUEP4OBK4")
    assert pair.public == "ACODERUVFFAWZQDSS6SBIACUA5O6SXF7HJ3YTYXBALHZP3P7R4BUO4J2"


@pytest.mark.parametrize("kind", sorted(keys.KINDS))
def test_a_generated_key_starts_with_its_letter(kind: str) -> None:
    pair = keys.generate(kind)
    assert pair.public.startswith(kind)
    assert len(pair.public) == 56
    assert pair.seed.startswith("S" + kind)
    assert len(pair.seed) == 58
    assert pair.kind == kind


def test_the_seed_is_not_in_the_repr() -> None:
    pair = keys.generate("N")
    assert pair.seed not in repr(pair)
    assert pair.public in repr(pair)


def test_a_signature_verifies_for_its_message_and_key_only() -> None:
    pair, other = keys.generate("A"), keys.generate("A")
    signature = pair.sign(b"hello")
    assert keys.verify(pair.public, b"hello", signature)
    assert not keys.verify(pair.public, b"hellO", signature)
    assert not keys.verify(other.public, b"hello", signature)
    assert not keys.verify(pair.public, b"hello", b"short")


def test_a_curve_key_does_not_sign() -> None:
    with pytest.raises(UsageError):
        keys.generate("X").sign(b"hello")


def test_an_unknown_kind_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        keys.generate("Q")


def test_one_changed_letter_breaks_the_checksum() -> None:
    public = VECTORS["N"][1]
    with pytest.raises(DecodeError):
        keys.decode_public(public[:20] + ("A" if public[20] != "A" else "B") + public[21:])


def test_a_seed_is_no_public_key_and_the_reverse() -> None:
    seed, public = VECTORS["N"]
    with pytest.raises(DecodeError):
        keys.decode_public(seed)
    with pytest.raises(DecodeError):
        KeyPair.from_seed(public)


def claims(issuer: KeyPair, **more: object) -> TokenClaims:
    fields = {"jti": "j", "iat": 1, "iss": issuer.public, "sub": "M", **more}
    return TokenClaims(**fields)  # type: ignore[arg-type]


def test_a_token_comes_back_as_it_was_signed() -> None:
    issuer = keys.generate("A")
    token = keys.decode_jwt(keys.encode_jwt(claims(issuer, exp=10, nbf=5), issuer))
    assert token.claims == claims(issuer, exp=10, nbf=5)
    assert token.signature_valid
    assert token.expired(11) and not token.expired(9)
    assert token.too_early(4) and not token.too_early(6)


def test_a_foreign_signature_is_reported_not_raised() -> None:
    issuer = keys.generate("A")
    head, body, _ = keys.encode_jwt(claims(issuer), issuer).split(".")
    other = keys.generate("A")
    forged = keys.encode_jwt(claims(other), other).split(".")[2]
    assert not keys.decode_jwt(f"{head}.{body}.{forged}").signature_valid


def test_only_the_issuer_signs() -> None:
    with pytest.raises(UsageError):
        keys.encode_jwt(claims(keys.generate("A")), keys.generate("A"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.b", "expected 3 segments, found 2"),
        ("a.b.c=", "invalid token format"),
        ("eyJ0eXAiOiJqd3QiLCJhbGciOiJub25lIn0.e30.", "only supports Ed25519"),
    ],
)
def test_a_broken_token_says_what_upstream_says(text: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        keys.decode_jwt(text)


@given(st.text(max_size=80))
def test_any_text_is_a_key_or_token_or_a_remote_error(text: str) -> None:
    for parse in (keys.decode_public, KeyPair.from_seed, keys.decode_jwt):
        with pytest.raises(RemoteError):
            parse(text)
