"""The http-server's configuration: strings in, one frozen object out (interfaces.md §8.1)."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from workbench.errors import DecodeError
from workbench.providers.http_cors import Cors
from workbench.providers.sdk import ProviderFailed
from workbench.wire.jsontext import decode

__all__ = [
    "DEFAULT_ADDRESS",
    "Address",
    "ServerSettings",
    "Settings",
    "parse_address",
    "parse_settings",
]

DEFAULT_ADDRESS = "0.0.0.0:8000"
ROUTING_MODES = ("address", "path", "host")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Settings:
    """How one listener answers.

    ``timeout_ms`` bounds the wait for the response head. ``max_body_bytes`` is ours, for request
    bodies; the real server has no limit.
    """

    address: Address
    cache_control: str = ""
    readonly: bool = False
    timeout_ms: int | None = None
    max_body_bytes: int | None = None
    tls: tuple[str, str] | None = None
    tcp_keepalive: bool = True
    cors: Cors = field(default_factory=Cors)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What holds for the whole provider."""

    routing_mode: str = "address"
    default_address: str = DEFAULT_ADDRESS
    host_header: str = "host"

    @classmethod
    def parse(cls, config: Mapping[str, str]) -> ServerSettings:
        """From the provider's config; these keys match exactly. `ProviderFailed`."""
        mode = config.get("routing_mode", "address")
        if mode not in ROUTING_MODES:
            raise ProviderFailed(
                f"unknown routing_mode: {mode}", hint=f"use one of {', '.join(ROUTING_MODES)}"
            )
        address = config.get("default_address", DEFAULT_ADDRESS)
        parse_address(address)
        return cls(mode, address, config.get("header", "host").lower())


def parse_settings(config: Mapping[str, str], default_address: str = DEFAULT_ADDRESS) -> Settings:
    """The settings keys of a link or provider config, matched without regard to case."""
    lowered = {key.lower(): value for key, value in config.items()}
    document = _document(lowered)
    if document is not None:
        return _from_document(document)
    return _from_keys(lowered, default_address)


def parse_address(text: str) -> Address:
    """``IP:PORT``, strictly as the real server takes it."""
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        if not colon or (":" in bare) != (bare != host) or not re.fullmatch(r"[0-9]{1,5}", port):
            raise ValueError
        ip, number = ipaddress.ip_address(bare), int(port)
        if number > 65535:
            raise ValueError
    except ValueError:
        name = text.rpartition(":")[0]
        hint = "write it as IP:PORT, for example 127.0.0.1:8080"
        if name == "localhost":
            hint = f"a name is not accepted: use 127.0.0.1:{port}"
        raise ProviderFailed(f"{text!r} is no address to listen on", hint=hint) from None
    return Address(str(ip), number)


# --- plain keys ---------------------------------------------------------------------------


def _from_keys(config: Mapping[str, str], default_address: str) -> Settings:
    if "port" in config:
        _number("port", config["port"])  # has no effect, but must be a number (§8.1)
    return Settings(
        address=parse_address(config.get("address", default_address)),
        cache_control=config.get("cache_control", ""),
        readonly=config.get("readonly_mode") == "true",
        timeout_ms=_number_or_none(config.get("timeout_ms")),
        max_body_bytes=_number_or_none(config.get("max_body_bytes")),
        tls=_tls(config.get("tls_cert_file"), config.get("tls_priv_key_file")),
        tcp_keepalive=config.get("disable_keepalive") != "false",  # inverted upstream (§8.1)
        cors=_cors_from_keys(config),
    )


def _cors_from_keys(config: Mapping[str, str]) -> Cors:
    cors = Cors()
    for part in ("origins", "headers", "methods"):
        key = f"cors_allowed_{part}"
        if key in config:
            cors = replace(cors, **{f"allowed_{part}": _strings(key, config[key])})
    if "cors_exposed_headers" in config:
        exposed = _strings("cors_exposed_headers", config["cors_exposed_headers"])
        cors = replace(cors, exposed_headers=exposed)
    if "cors_max_age_secs" in config:
        max_age = _number("cors_max_age_secs", config["cors_max_age_secs"])
        cors = replace(cors, max_age_s=max_age)
    return _checked(cors)


def _strings(key: str, text: str) -> tuple[str, ...]:
    try:
        return tuple(decode(text.encode(), list[str], what=f"value of {key}"))
    except DecodeError as error:
        raise ProviderFailed(
            error.message, hint=f'{key} is a JSON array of strings: ["…", "…"]'
        ) from error


def _number(key: str, text: str) -> int:
    number = _number_or_none(text)
    if number is None:
        raise ProviderFailed(f"{key} is no whole number: {text!r}")
    return number


def _number_or_none(text: str | None) -> int | None:
    # An unparsable timeout_ms is ignored (§8.1).
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,18}", text) else None


def _tls(certificate: str | None, key: str | None) -> tuple[str, str] | None:
    if certificate and key:
        return certificate, key
    if certificate or key:
        raise ProviderFailed("tls_cert_file and tls_priv_key_file belong together: one is missing")
    return None


def _checked(cors: Cors) -> Cors:
    for origin in cors.allowed_origins:
        if not re.fullmatch(r"https?://[^/\s]+", origin):
            raise ProviderFailed(
                f"{origin!r} is no origin", hint="write origins as http(s)://host[:port]"
            )
    return cors


# --- the JSON form ------------------------------------------------------------------------


class _TlsDocument(msgspec.Struct):
    cert_file: str | None = None
    priv_key_file: str | None = None


class _CorsDocument(msgspec.Struct):
    allowed_origins: list[str] | None = None
    allowed_headers: list[str] | None = None
    allowed_methods: list[str] | None = None
    exposed_headers: list[str] | None = None
    max_age_secs: int | None = None


class _Document(msgspec.Struct):
    address: str = DEFAULT_ADDRESS
    cache_control: str | None = None
    readonly_mode: bool | None = None
    timeout_ms: int | None = None
    max_body_bytes: int | None = None
    tls_cert_file: str | None = None
    tls_priv_key_file: str | None = None
    disable_keepalive: bool | None = None
    cors_allowed_origins: list[str] | None = None
    cors_allowed_headers: list[str] | None = None
    cors_allowed_methods: list[str] | None = None
    cors_exposed_headers: list[str] | None = None
    cors_max_age_secs: int | None = None
    tls: _TlsDocument = msgspec.field(default_factory=_TlsDocument)
    cors: _CorsDocument = msgspec.field(default_factory=_CorsDocument)


def _document(config: Mapping[str, str]) -> _Document | None:
    data: bytes
    if "config_b64" in config:
        key, text = "config_b64", config["config_b64"]
        try:
            # Without padding, as the real server wants it; padding is an error there.
            if "=" in text:
                raise ValueError
            data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise ProviderFailed("config_b64 is not base64 without padding") from None
    elif "config_json" in config:
        key, data = "config_json", config["config_json"].encode()
    else:
        return None
    try:
        return decode(data, _Document, what=f"value of {key}")
    except DecodeError as error:
        raise ProviderFailed(error.message) from error


def _from_document(document: _Document) -> Settings:
    cors, nested = Cors(), document.cors
    for part in ("allowed_origins", "allowed_headers", "allowed_methods", "exposed_headers"):
        flat = getattr(document, f"cors_{part}")
        value = flat if flat is not None else getattr(nested, part)
        if value is not None:
            cors = replace(cors, **{part: tuple(value)})
    for max_age in (document.cors_max_age_secs, nested.max_age_secs):
        if max_age is not None:
            cors = replace(cors, max_age_s=max_age)
            break
    return Settings(
        address=parse_address(document.address),
        cache_control=document.cache_control or "",
        readonly=bool(document.readonly_mode),
        timeout_ms=document.timeout_ms,
        max_body_bytes=document.max_body_bytes,
        tls=_tls(
            document.tls_cert_file or document.tls.cert_file,
            document.tls_priv_key_file or document.tls.priv_key_file,
        ),
        tcp_keepalive=document.disable_keepalive is not False,
        cors=_checked(cors),
    )
