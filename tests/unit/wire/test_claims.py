"""Claims inside components, against files that wash wrote."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import FOLDER
from workbench.errors import DecodeError, RemoteError, UsageError
from workbench.wire import claims, keys
from workbench.wire.keys import KeyPair

SIGNED = (FOLDER / "tiny-signed.wasm").read_bytes()
HASH = "7B0A7173BEE416B5DDBC91B2E2F15C4E48B077F1CEEF578080C256EF3144C7BB"
ISSUER = KeyPair.from_raw("A", bytes(range(32)))
SUBJECT = KeyPair.from_raw("M", bytes(range(32, 64)))


def test_the_claims_that_wash_embedded_are_read() -> None:
    signed = claims.extract(SIGNED)
    assert signed is not None
    assert signed.issuer == "ABDPWLRH5T5ZM7RJJQQRMHRXBFEU3ZFPYVSIRAGJFGQFNRBKJXRPAMB2"
    assert signed.subject == "MBB5UE6CW5SYUZLJXOYBEQ5MRPM3DJDXINK543NSJYBG4UOGG6WCYNWK"
    assert (signed.metadata.name, signed.metadata.rev) == ("tiny", 3)
    assert signed.metadata.tags == ("one", "two")
    assert signed.problem(now_s=1_800_000_000) == ""
    assert signed.problem(now_s=2_200_000_000) == "token expired"


def test_the_hash_is_that_of_the_unsigned_file() -> None:
    bare = claims.strip(SIGNED)
    assert len(bare) == 771
    assert hashlib.sha256(bare).hexdigest().upper() == claims.component_hash(SIGNED) == HASH
    assert claims.extract(bare) is None


def test_a_signed_file_is_byte_for_byte_what_wash_writes() -> None:
    again = claims.sign_component(
        SIGNED,
        issuer=ISSUER,
        subject=SUBJECT,
        now_s=1795603852,
        name="tiny",
        tags=("one", "two"),
        revision=3,
        version="0.1.0",
        call_alias="my_alias",
        expires_s=1799059852,
        not_before_s=1795776652,
        token_id="mHMBCkZ54tR5ugQ3MEAFiR",
    )
    assert len(again) == 1465
    assert (
        hashlib.sha256(again).hexdigest()
        == "7ee37959e3ae92749638bb865fe095b25e4a0c032604111adba64663faa0c258"
    )


def test_signing_twice_replaces_the_first_signature() -> None:
    once = claims.sign_component(SIGNED, issuer=ISSUER, subject=SUBJECT, now_s=1, token_id="x")
    twice = claims.sign_component(once, issuer=ISSUER, subject=SUBJECT, now_s=1, token_id="x")
    assert once == twice
    signed = claims.extract(twice)
    assert signed is not None
    assert signed.token.signature_valid


def test_the_record_for_the_bucket_has_no_nulls() -> None:
    file = claims.sign_component(SIGNED, issuer=ISSUER, subject=SUBJECT, now_s=1)
    signed = claims.extract(file)
    assert signed is not None
    record = signed.record()
    assert (record.call_alias, record.name, record.revision, record.tags) == ("", "", "0", ())
    assert record.is_component


def test_changed_code_is_an_invalid_hash() -> None:
    broken = bytearray(SIGNED)
    broken[40] ^= 1
    with pytest.raises(DecodeError):
        claims.extract(bytes(broken))


def test_a_claims_section_within_a_nested_component_does_not_count() -> None:
    token = claims.find_token(SIGNED)
    assert token is not None
    head = SIGNED[:8]
    nested = bytes([4]) + claims._leb128(len(SIGNED)) + SIGNED
    outer = head + nested
    assert claims.find_token(outer) is None
    bare = claims.strip(SIGNED)
    assert claims.strip(outer) == head + bytes([4]) + claims._leb128(len(bare)) + bare


def test_padded_section_sizes_are_made_minimal() -> None:
    body = b"\x03abc!"
    padded = SIGNED[:8] + b"\x00" + bytes([len(body) | 0x80, 0x80, 0x80, 0x80, 0x00]) + body
    assert claims.strip(padded) == SIGNED[:8] + b"\x00" + bytes([len(body)]) + body


def test_deeply_nested_components_are_refused() -> None:
    wasm = SIGNED[:8]
    for _ in range(100):
        wasm = SIGNED[:8] + bytes([4]) + claims._leb128(len(wasm)) + wasm
    with pytest.raises(RemoteError):
        claims.strip(wasm)


def test_only_an_account_signs_and_only_for_a_module() -> None:
    with pytest.raises(UsageError):
        claims.sign_component(SIGNED, issuer=SUBJECT, subject=ISSUER, now_s=1)


def test_a_token_that_is_none_is_a_decode_error() -> None:
    with pytest.raises(DecodeError):
        claims.extract(claims.embed_token(SIGNED, "not.a.token"))


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_raise_a_remote_error(data: bytes, with_header: bool) -> None:
    wasm = SIGNED[:8] + data if with_header else data
    for read in (claims.extract, claims.strip, claims.find_token):
        try:
            read(wasm)
        except RemoteError:
            continue


@given(st.integers(0, len(SIGNED) - 1))
def test_a_cut_file_is_read_or_raises_a_remote_error(length: int) -> None:
    try:
        claims.extract(SIGNED[:length])
    except RemoteError:
        return


def test_new_token_ids_differ() -> None:
    assert keys.new_token_id() != keys.new_token_id()
    assert len(keys.new_token_id()) == 22
