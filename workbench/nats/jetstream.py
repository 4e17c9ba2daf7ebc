"""JetStream over one connection: streams, consumers, pulls and buckets, by its JSON API.

The API is spoken directly rather than through nats-py's JetStream classes: configurations go out
exactly as given (real wadm and hosts compare them), a domain applies to buckets too (nats-py's
bucket writes ignore it, nats.md §8.3), and watches survive a server restart at once (§10.5).

Source: nats.md §4.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import NatsError, NoResponders, RequestTimeout, WrongRevision

if TYPE_CHECKING:
    from workbench.nats.connection import Connection, Message, Subscription
    from workbench.nats.kv import Bucket

__all__ = ["JetStream", "JsMessage", "PullSubscription"]

API_TIMEOUT_S = 5.0
_WRONG_LAST = {10071, 10164}
_NOT_FOUND = {10014, 10037, 10059}
_NAME_IN_USE = 10058


@dataclass(frozen=True, slots=True)
class JsMessage:
    """A message of a stream, as a consumer delivers it."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    seq: int
    consumer_seq: int
    num_delivered: int
    num_pending: int
    ack_subject: str
    connection: Connection

    async def ack(self, *, timeout_s: float = 2.0) -> None:
        """Acknowledge and wait until the server has taken it (wadm's double ack)."""
        await self.connection.request(self.ack_subject, b"+ACK", timeout_s=timeout_s)

    async def nak(self, delay_s: float | None = None) -> None:
        """Ask for redelivery, after ``delay_s`` where given."""
        body = b"-NAK"
        if delay_s is not None:
            body += b" " + json.dumps({"delay": int(delay_s * 1e9)}).encode()
        await self.connection.publish(self.ack_subject, body)

    async def in_progress(self) -> None:
        await self.connection.publish(self.ack_subject, b"+WPI")

    async def term(self) -> None:
        """Never deliver this message again."""
        await self.connection.publish(self.ack_subject, b"+TERM")


def js_message(message: Message) -> JsMessage | None:
    """Read the position out of the ack subject; None for what is no stream message.

    Both forms: ``$JS.ACK.<stream>.<consumer>.…`` and, with a domain and account hash before the
    stream, the longer one (nats.md §10.6).
    """
    tokens = message.reply.split(".")
    if len(tokens) >= 11:
        numbers = tokens[6:11]
    elif len(tokens) == 9:
        numbers = tokens[4:9]
    else:
        return None
    if tokens[:2] != ["$JS", "ACK"] or not all(n.isdigit() for n in numbers):
        return None
    delivered, stream_seq, consumer_seq, _time, pending = map(int, numbers)
    assert message.connection is not None
    return JsMessage(
        message.subject,
        message.data,
        message.headers or {},
        stream_seq,
        consumer_seq,
        delivered,
        pending,
        message.reply,
        message.connection,
    )


class PullSubscription:
    """Fetches from a pull consumer; one inbox for its whole life."""

    def __init__(self, js: JetStream, stream: str, consumer: str) -> None:
        self._js = js
        self._stream, self._consumer = stream, consumer
        self._inbox = js.connection.new_inbox()
        self._arrived: asyncio.Queue[Message] = asyncio.Queue()
        self._subscription: Subscription | None = None

    async def _open(self) -> PullSubscription:
        self._subscription = await self._js.connection.subscribe(
            self._inbox, self._arrived.put_nowait
        )
        return self

    async def fetch(self, batch: int = 1, *, timeout_s: float = 5.0) -> list[JsMessage]:
        """Up to ``batch`` messages; fewer, or none, when the time is over.

        Raises `NatsError` when the consumer or stream is gone.
        """
        body = {"batch": batch, "expires": max(int((timeout_s - 0.1) * 1e9), 1_000_000)}
        subject = self._js.api(f"CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}")
        await self._js.connection.publish(subject, json.dumps(body).encode(), reply=self._inbox)
        messages: list[JsMessage] = []
        deadline = time.monotonic() + timeout_s
        while len(messages) < batch and (left := deadline - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(left):
                    message = await self._arrived.get()
            except TimeoutError:
                break
            if message.status is not None:
                if self._is_end(message):
                    break
                continue
            if (found := js_message(message)) is not None:
                messages.append(found)
        return messages

    def _is_end(self, message: Message) -> bool:
        """A status ends the fetch: 404 and 408 are "nothing more", 409 and 503 are trouble."""
        if message.status in (404, 408):
            return True
        if message.status in (409, 503):
            text = (message.headers or {}).get("Description", "")
            raise NatsError(
                f"consumer {self._consumer} of {self._stream} can't be read: {message.status} {text}",
                stream=self._stream,
                consumer=self._consumer,
            )
        return False

    async def close(self) -> None:
        if self._subscription is not None:
            await self._subscription.unsubscribe()
            self._subscription = None


class JetStream:
    """The JetStream API of one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        domain = connection.js_domain
        self._prefix = f"$JS.{domain}.API" if domain else "$JS.API"

    def api(self, rest: str) -> str:
        return f"{self._prefix}.{rest}"

    def write_subject(self, subject: str) -> str:
        """Where to publish a bucket key so that it reaches the stream of the domain."""
        return f"{self._prefix}.{subject}" if self.connection.js_domain else subject

    async def call(self, operation: str, body: Any = None) -> dict[str, Any]:
        """One API request. Raises `NatsError` with the server's text and ``err_code``."""
        payload = b"" if body is None else json.dumps(body).encode()
        try:
            reply = await self.connection.request(
                self.api(operation), payload, timeout_s=API_TIMEOUT_S
            )
        except NoResponders as error:
            raise NatsError(
                "JetStream is not available on this server",
                hint="start nats-server with -js, or name the right --js-domain",
            ) from error
        except RequestTimeout as error:
            raise NatsError(
                f"JetStream did not answer {operation} within {API_TIMEOUT_S:g} s",
                hint="the server is busy or gone, or these credentials may not use JetStream",
            ) from error
        return _checked(reply.data, operation)

    # -- streams -------------------------------------------------------------------------------

    async def stream_info(self, name: str, *, subjects: str = "") -> dict[str, Any] | None:
        """Config and state, or None when there is no such stream.

        ``subjects`` is a filter: then the state lists each matching subject with its count.
        """
        body = {"subjects_filter": subjects} if subjects else None
        return await _or_none(self.call(f"STREAM.INFO.{name}", body))

    async def ensure_stream(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Create the stream unless it is there already, whatever its configuration."""
        name = config["name"]
        if (info := await self.stream_info(name)) is not None:
            return info
        try:
            return await self.call(f"STREAM.CREATE.{name}", dict(config))
        except NatsError as error:
            if error.fields.get("err_code") != _NAME_IN_USE:
                raise
            # Somebody else made it between our two requests.
            return await self.call(f"STREAM.INFO.{name}")

    async def update_stream(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return await self.call(f"STREAM.UPDATE.{config['name']}", dict(config))

    async def delete_stream(self, name: str) -> None:
        await _or_none(self.call(f"STREAM.DELETE.{name}"))

    async def purge_stream(self, name: str, *, subject: str = "") -> None:
        await self.call(f"STREAM.PURGE.{name}", {"filter": subject} if subject else None)

    async def last_message(self, stream: str, subject: str) -> Message | None:
        """The last message on a subject by direct get (the stream must allow it)."""
        reply = await self.connection.request(
            self.api(f"DIRECT.GET.{stream}.{subject}"), timeout_s=API_TIMEOUT_S
        )
        if reply.status == 404:
            return None
        if reply.status is not None:
            text = (reply.headers or {}).get("Description", "")
            raise NatsError(f"JetStream: {reply.status} {text}", stream=stream)
        return reply

    async def publish(
        self,
        subject: str,
        data: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        expect_last_subject_seq: int | None = None,
        msg_id: str | None = None,
    ) -> int:
        """Publish into a stream and wait for its answer; returns the sequence.

        Raises `WrongRevision` when ``expect_last_subject_seq`` does not hold, `NatsError` when no
        stream takes the subject.
        """
        all_headers = dict(headers or {})
        if expect_last_subject_seq is not None:
            all_headers["Nats-Expected-Last-Subject-Sequence"] = str(expect_last_subject_seq)
        if msg_id is not None:
            all_headers["Nats-Msg-Id"] = msg_id
        try:
            reply = await self.connection.request(
                subject, data, timeout_s=API_TIMEOUT_S, headers=all_headers
            )
        except NoResponders as error:
            raise NatsError(f"no stream takes {subject}", subject=subject) from error
        return int(_checked(reply.data, f"publish to {subject}").get("seq", 0))

    # -- consumers -----------------------------------------------------------------------------

    async def consumer_info(self, stream: str, consumer: str) -> dict[str, Any] | None:
        return await _or_none(self.call(f"CONSUMER.INFO.{stream}.{consumer}"))

    async def consumers(self, stream: str) -> list[dict[str, Any]]:
        """The infos of all consumers of a stream."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self.call(f"CONSUMER.LIST.{stream}", {"offset": len(found)})
            found += page.get("consumers") or []
            if not page.get("consumers") or len(found) >= int(page.get("total", 0)):
                return found

    async def create_consumer(self, stream: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """Create (or, for a durable with the same configuration, find) a consumer."""
        name = config.get("durable_name") or config.get("name")
        subject = f"CONSUMER.CREATE.{stream}"
        if name:
            subject += f".{name}"
            if config.get("filter_subject"):
                subject += f".{config['filter_subject']}"
        return await self.call(subject, {"stream_name": stream, "config": dict(config)})

    async def ensure_consumer(self, stream: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """The durable consumer of ``config``, created unless it is there already."""
        name = config.get("durable_name") or config["name"]
        found = await self.consumer_info(stream, name)
        return found if found is not None else await self.create_consumer(stream, config)

    async def delete_consumer(self, stream: str, consumer: str) -> None:
        await _or_none(self.call(f"CONSUMER.DELETE.{stream}.{consumer}"))

    async def pull(self, stream: str, consumer: str) -> PullSubscription:
        return await PullSubscription(self, stream, consumer)._open()

    # -- buckets -------------------------------------------------------------------------------

    async def bucket(self, name: str, *, create: Mapping[str, Any] | None = None) -> Bucket:
        """Open a bucket; with ``create`` (stream options, may be empty) make it when missing.

        Raises `NatsError` when it is missing and ``create`` is None.
        """
        from workbench.nats.kv import Bucket, bucket_config

        if create is not None:
            await self.ensure_stream(bucket_config(name, create))
        elif await self.stream_info(f"KV_{name}") is None:
            raise NatsError(
                f"there is no bucket {name}",
                hint="is this the right lattice, and has a host run on it?",
                bucket=name,
            )
        return Bucket(self, name)

    async def delete_bucket(self, name: str) -> None:
        await self.delete_stream(f"KV_{name}")


def _checked(data: bytes, operation: str) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except ValueError as error:
        raise NatsError(f"JetStream answered {operation} with no JSON: {data[:80]!r}") from error
    if not isinstance(answer, dict):
        raise NatsError(f"JetStream answered {operation} with {data[:80]!r}")
    problem = answer.get("error")
    if not problem:
        return answer
    code = problem.get("err_code")
    kind = WrongRevision if code in _WRONG_LAST else NatsError
    raise kind(
        f"JetStream refused {operation}: {problem.get('description', problem)}",
        err_code=code,
        code=problem.get("code"),
    )


async def _or_none(call: Any) -> dict[str, Any] | None:
    try:
        return await call
    except NatsError as error:
        if error.fields.get("err_code") in _NOT_FOUND:
            return None
        raise
