"""Every NATS subject, queue group, bucket and stream name of a wasmCloud v1 lattice, in one place.

Builders return plain strings and check nothing but what would change the meaning of the subject;
parsers return ``None`` for a subject that is not theirs and never raise. Subjects are joined
with dots and never escaped, so an id that holds a dot, a blank or a wildcard is refused by the
builders (`is_token`).

Sources: wrpc.md §2-§4, control-interface.md §2, events-and-lattice-data.md A.1 and B.1,
providers.md §5, wadm-api.md §1, §5 and §6, wadm-engine.md §3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from workbench.errors import UsageError

__all__ = [
    "CONTROL_PREFIX", "EVENT_PREFIX", "PROVIDER_PREFIX", "WADM_API_PREFIX", "WADM_API_QUEUE",
    "WADM_COMMANDS_STREAM", "WADM_EVENTS_STREAM", "WADM_EVENT_CONSUMER_STREAM",
    "WADM_MANIFEST_BUCKET", "WADM_NOTIFY_STREAM", "WADM_STATE_BUCKET", "WADM_STATUS_STREAM",
    "WASMBUS_EVENTS_STREAM", "WRPC", "ControlSubject", "EventSubject", "Invocation",
    "WadmApiSubject", "config_bucket", "config_service", "control", "control_subscriptions",
    "events", "invocation", "is_token", "kv_key_subject", "kv_stream", "lattice_bucket",
    "linkdef_del", "linkdef_put", "params", "parse_control", "parse_event", "parse_invocation",
    "parse_linkdef", "parse_wadm_api", "provider_config_update", "provider_health",
    "provider_shutdown", "provider_subject", "results", "rpc_queue", "wadm_api",
    "wadm_api_subscription", "wadm_command", "wadm_event", "wadm_event_consumer", "wadm_notify",
    "wadm_status", "wire_function_name", "wiretap",
]  # fmt: skip

WRPC = "wrpc.0.0.1"
CONTROL_PREFIX = "wasmbus.ctl"
EVENT_PREFIX = "wasmbus.evt"
PROVIDER_PREFIX = "wasmbus.rpc"
WADM_API_PREFIX = "wadm.api"
WADM_API_QUEUE = "wadm_server"

WADM_STATE_BUCKET = "wadm_state"
WADM_MANIFEST_BUCKET = "wadm_manifests"
WADM_EVENTS_STREAM = "wadm_events"
WADM_COMMANDS_STREAM = "wadm_commands"
WADM_STATUS_STREAM = "wadm_status"
WADM_NOTIFY_STREAM = "wadm_notify"
WADM_EVENT_CONSUMER_STREAM = "wadm_event_consumer"
WASMBUS_EVENTS_STREAM = "wasmbus_events"

# wrpc.md §2.1: version dots and method dots make token positions meaningless, so the tail after
# the protocol token is matched as a whole.
_TAIL = re.compile(
    r"(?P<instance>[^.@]+(?:@\d+\.\d+\.\d+(?:[-+][0-9A-Za-z-]+(?:\.\d+)*)?)?)"
    r"\.(?P<function>[^.]+(?:\.[^.]+)?)"
)
_BRACKET = re.compile(r"\[(?:method|static|constructor)\]")
_NOT_A_TOKEN = re.compile(r"[\s.*>\x00-\x20\x7f]")


class Invocation(NamedTuple):
    """The parts of a wRPC request subject; ``function`` is the name on the wire."""

    lattice: str
    target: str
    instance: str
    function: str


class ControlSubject(NamedTuple):
    """The parts of a control subject; ``object`` is a host id or config name, else ``""``."""

    lattice: str
    noun: str
    verb: str
    object: str = ""


class EventSubject(NamedTuple):
    lattice: str
    event: str


class WadmApiSubject(NamedTuple):
    """The parts of a request to wadm; ``account`` is set in multitenant form only."""

    lattice: str
    category: str
    operation: str
    object: str = ""
    account: str = ""


def is_token(text: str) -> bool:
    """Whether ``text`` can stand as one token of a subject that is published to."""
    return bool(text) and _NOT_A_TOKEN.search(text) is None


def _token(text: str, what: str) -> str:
    if not is_token(text):
        raise UsageError(
            f"{text!r} can't be a {what}",
            hint="use letters, digits, '_' and '-': it becomes one token of a NATS subject",
            value=text,
        )
    return text


# ---- invocations (wrpc.md §2-§4)


def wire_function_name(name: str) -> str:
    """``[method]bucket.get`` → ``bucket.get``; a freestanding name stays (wrpc.md §2.2)."""
    return _BRACKET.sub("", name, count=1) if name.startswith("[") else name


def invocation(lattice: str, target: str, instance: str, function_name: str) -> str:
    """The request subject of one function; an empty instance leaves its dot out as well."""
    prefix = f"{_token(lattice, 'lattice name')}.{_token(target, 'component or provider id')}"
    function = wire_function_name(function_name)
    if not function or re.search(r"[\s*>]|^\.|\.$|\.\.", f"{instance}{function}"):
        raise UsageError(f"{instance!r} and {function_name!r} don't make a wRPC subject")
    middle = f"{instance}." if instance else ""
    return f"{prefix}.{WRPC}.{middle}{function}"


def rpc_queue(lattice: str, target: str) -> str:
    """The queue group every server of ``target`` joins (wrpc.md §3)."""
    return f"{lattice}.{target}"


def wiretap(lattice: str = "*") -> str:
    """All requests of a lattice. A plain subscription on it suppresses 503 (wrpc.md §2.3)."""
    return f"{lattice}.*.{WRPC}.>"


def parse_invocation(subject: str) -> Invocation | None:
    head, separator, tail = subject.partition(f".{WRPC}.")
    lattice, dot, target = head.partition(".")
    if not separator or not dot or not lattice or not target or not tail:
        return None
    match = _TAIL.fullmatch(tail)
    if match is None:
        return None if "." in tail else Invocation(lattice, target, "", tail)
    return Invocation(lattice, target, match["instance"], match["function"])


def params(inbox: str, path: Sequence[int] = ()) -> str:
    """Where parameter bytes go: the callee's inbox, plus the path of an indexed channel."""
    return ".".join((f"{inbox}.params", *map(str, path)))


def results(inbox: str, path: Sequence[int] = ()) -> str:
    """Where result bytes go: the caller's inbox, plus the path of an indexed channel."""
    return ".".join((f"{inbox}.results", *map(str, path)))


# ---- control interface (control-interface.md §2)


def control(
    lattice: str, noun: str, verb: str, object_name: str = "", *, prefix: str = CONTROL_PREFIX
) -> str:
    """``wasmbus.ctl.v1.<lattice>.<noun>.<verb>[.<object>]``; pass ``*`` to subscribe widely."""
    tail = f".{object_name}" if object_name else ""
    return f"{prefix}.v1.{lattice}.{noun}.{verb}{tail}"


def control_subscriptions(
    lattice: str, host_id: str, *, prefix: str = CONTROL_PREFIX, auctions: bool = True
) -> list[tuple[str, str]]:
    """The (subject, queue group) pairs of one host; the group is ``""`` where all hosts answer.

    The group names are part of the protocol: with another one, link and config requests run on
    two hosts (control-interface.md §2.3).
    """

    def of(noun: str, verb: str, object_name: str = "") -> str:
        return control(lattice, noun, verb, object_name, prefix=prefix)

    base = f"{prefix}.v1.{lattice}"
    everyone = [(of("registry", "put"), ""), (of("host", "ping"), "")]
    if auctions:
        everyone += [(of("component", "auction"), ""), (of("provider", "auction"), "")]
    own = [(of(noun, "*", host_id), "") for noun in ("component", "provider", "label", "host")]
    shared = [
        (of("link", "*"), f"{base}.link"),
        (of("claims", "get"), f"{base}.claims"),
        (f"{base}.config.>", f"{base}.config"),
    ]
    return [*everyone, *own, *shared]


def parse_control(subject: str, *, prefix: str = CONTROL_PREFIX) -> ControlSubject | None:
    """Version and lattice are dropped unread, as hosts do; four or more tail tokens: ``None``."""
    if not subject.startswith(f"{prefix}."):
        return None
    tokens = subject[len(prefix) + 1 :].split(".")
    if len(tokens) not in (4, 5) or not all(tokens):
        return None
    return ControlSubject(*tokens[1:])


def config_service(lattice: str) -> str:
    """The optional service that hands registry credentials to hosts (events… C.8)."""
    return f"wasmbus.cfg.{lattice}.req"


# ---- events (events-and-lattice-data.md A.1)


def events(lattice: str, event: str = "*") -> str:
    """``wasmbus.evt.<lattice>.<event>``; ``event`` is the short name such as ``host_started``."""
    return f"{EVENT_PREFIX}.{lattice}.{event}"


def parse_event(subject: str) -> EventSubject | None:
    tokens = subject.split(".")
    if len(tokens) != 4 or not all(tokens) or ".".join(tokens[:2]) != EVENT_PREFIX:
        return None
    return EventSubject(tokens[2], tokens[3])


# ---- buckets (events-and-lattice-data.md B.1)


def lattice_bucket(lattice: str) -> str:
    return f"LATTICEDATA_{lattice}"


def config_bucket(lattice: str) -> str:
    return f"CONFIGDATA_{lattice}"


def kv_stream(bucket: str) -> str:
    return f"KV_{bucket}"


def kv_key_subject(bucket: str, key: str = ">") -> str:
    return f"$KV.{bucket}.{key}"


# ---- providers (providers.md §5), all on the RPC connection and without queue groups


def provider_subject(lattice: str, provider_id: str, tail: str) -> str:
    return f"{PROVIDER_PREFIX}.{lattice}.{provider_id}.{tail}"


def provider_health(lattice: str, provider_id: str) -> str:
    return provider_subject(lattice, provider_id, "health")


def provider_shutdown(lattice: str, provider_id: str) -> str:
    return provider_subject(lattice, provider_id, "default.shutdown")


def provider_config_update(lattice: str, provider_id: str) -> str:
    return provider_subject(lattice, provider_id, "config.update")


def linkdef_put(lattice: str, receiver: str) -> str:
    """``receiver`` is the provider's xkey, or source id / target in the compatible form (§7.3)."""
    return provider_subject(lattice, receiver, "linkdefs.put")


def linkdef_del(lattice: str, receiver: str) -> str:
    return provider_subject(lattice, receiver, "linkdefs.del")


def parse_linkdef(subject: str) -> tuple[str, str, str] | None:
    """(lattice, receiver, ``"put"`` or ``"del"``) of a link message to a provider."""
    tokens = subject.split(".")
    if len(tokens) != 6 or ".".join(tokens[:2]) != PROVIDER_PREFIX or tokens[4] != "linkdefs":
        return None
    return (tokens[2], tokens[3], tokens[5]) if tokens[5] in ("put", "del") else None


# ---- deployment manager (wadm-api.md §1, §5, §6; wadm-engine.md §3)


def wadm_api(lattice: str, operation: str, name: str = "", *, prefix: str = WADM_API_PREFIX) -> str:
    """``wadm.api.<lattice>.model.<operation>[.<name>]``; operations are ``put``, ``get``, …"""
    tail = f".{_token(name, 'application name')}" if name else ""
    return f"{prefix}.{lattice}.model.{operation}{tail}"


def wadm_api_subscription(lattice: str = "", *, prefix: str = WADM_API_PREFIX) -> str:
    """What a manager subscribes, with queue group `WADM_API_QUEUE`; all lattices by default."""
    return f"{prefix}.{lattice}.>" if lattice else f"{prefix}.>"


def parse_wadm_api(
    subject: str, *, prefix: str = WADM_API_PREFIX, multitenant: bool = False
) -> WadmApiSubject | None:
    account = ""
    if multitenant:
        account, _, subject = subject.partition(".")
    if not subject.startswith(f"{prefix}."):
        return None
    tokens = subject[len(prefix) + 1 :].split(".")
    if len(tokens) not in (3, 4) or not all(tokens):
        return None
    lattice, category, operation = tokens[:3]
    return WadmApiSubject(lattice, category, operation, "".join(tokens[3:]), account)


def wadm_event(lattice: str, event: str = "*") -> str:
    """``manifest_published`` and ``manifest_unpublished``, captured by stream ``wadm_events``."""
    return f"wadm.evt.{lattice}.{event}"


def wadm_status(lattice: str, name: str = "*") -> str:
    return f"wadm.status.{lattice}.{name}"


def wadm_command(lattice: str) -> str:
    return f"wadm.cmd.{lattice}"


def wadm_notify(lattice: str) -> str:
    return f"wadm.notify.{lattice}"


def wadm_event_consumer(lattice: str, event: str = ">") -> str:
    """Where stream ``wadm_event_consumer`` holds the events of a lattice after its transform."""
    return f"wadm_event_consumer.evt.{lattice}.{event}"
