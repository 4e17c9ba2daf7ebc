"""One NATS connection: publish, subscribe, request, gather.

A thin skin over nats-py that maps its errors, shows status lines as numbers, keeps its read loop
alive whatever bytes arrive, and tells owners of watches when the server came back.

Source: protocol page nats.md §10 (facts and traps of nats-py 2.16).
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nats.errors
from nats.aio.msg import Msg

from workbench.errors import ConnectFailed, NatsError, NoResponders, RequestTimeout
from workbench.nats.client import Message, Subscription, TolerantClient, status_of
from workbench.nats.commands import MAX_SUBJECTS_BYTES, check_subject, publish_command
from workbench.nats.credentials import login, trust
from workbench.nats.inbox import Inbox
from workbench.nats.replies import Replies

if TYPE_CHECKING:
    from workbench.nats.jetstream import JetStream

__all__ = ["Connection", "Message", "Subscription"]

log = logging.getLogger(__name__)

# The Rust clients' default; nats-py's 2 MiB is less than two full wRPC messages in flight.
PENDING_BYTES = 64 * 1024 * 1024
CONNECT_TIMEOUT_S = 2.0
GIVE_UP_S = 3 * CONNECT_TIMEOUT_S
CONNECTED = TolerantClient.CONNECTED
RECONNECT_WAIT_S = 0.25


Callback = Callable[[Message], "Awaitable[None] | None"]
StateCallback = Callable[[str], None]


class Connection:
    """An open connection, made by `Connection.connect`."""

    def __init__(self, client: TolerantClient, url: str, *, js_domain: str | None) -> None:
        self._client = client
        client.connection = self
        self.url = url
        self.js_domain = js_domain
        self._state_callbacks: list[StateCallback] = []
        self._reconnected: list[Callable[[], Awaitable[None]]] = []
        self.async_errors = 0
        self._writing = False
        self._replies: Replies | None = None
        self._last_error: Exception | None = None

    @classmethod
    async def connect(
        cls,
        url: str | list[str],
        *,
        name: str = "wasmcloud-workbench",
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        creds: str | None = None,
        nkey_seed: str | None = None,
        jwt: str | None = None,
        tls_ca: str | Path | None = None,
        inbox_prefix: str = "_INBOX",
        js_domain: str | None = None,
        on_state: StateCallback | None = None,
    ) -> Connection:
        """Connect once, fail fast; later losses are mended by themselves.

        ``creds`` is the path of a credentials file, ``jwt`` goes with ``nkey_seed``, ``tls_ca`` is
        a PEM file of authorities and makes TLS a must. ``on_state`` hears ``disconnected``,
        ``reconnected`` and ``closed``. Raises `ConnectFailed`.
        """
        servers = [url] if isinstance(url, str) else list(url)
        client = TolerantClient()
        self = cls(client, servers[0], js_domain=js_domain)
        if on_state is not None:
            self._state_callbacks.append(on_state)
        given = login(
            user=user, password=password, token=token, creds=creds, nkey_seed=nkey_seed, jwt=jwt
        )
        try:
            # nats-py waits for ever for the end of a connection whose TLS handshake failed.
            async with asyncio.timeout(GIVE_UP_S):
                await client.connect(
                    servers=servers,
                    name=name,
                    inbox_prefix=inbox_prefix,
                    **self._policy(),
                    **given,
                    **trust(tls_ca),
                )
        except (nats.errors.Error, OSError, ValueError) as error:
            await _close_quietly(client)
            # "no servers available" hides why; the reason went to the error callback.
            raise _connect_failed(servers[0], self._last_error or error) from error
        client.options["max_reconnect_attempts"] = -1
        return self

    def _policy(self) -> dict[str, Any]:
        """nats-py's options that are the same for every connection of ours."""
        return {
            "pending_size": PENDING_BYTES,
            "connect_timeout": CONNECT_TIMEOUT_S,
            "reconnect_time_wait": RECONNECT_WAIT_S,
            # 1 makes the first connect fail at once (0 hangs, nats.md §10.1); raised afterwards.
            "max_reconnect_attempts": 1,
            "error_cb": self._on_error,
            "disconnected_cb": self._on_disconnected,
            "reconnected_cb": self._on_reconnected,
            "closed_cb": self._on_closed,
        }

    # -- state ---------------------------------------------------------------------------------

    @property
    def max_payload(self) -> int:
        """The server's limit on headers plus payload, in bytes."""
        return self._client.max_payload

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected

    @property
    def is_closed(self) -> bool:
        return self._client.is_closed

    @property
    def server_version(self) -> str:
        version = self._client.connected_server_version
        return f"{version.major}.{version.minor}.{version.patch}"

    @cached_property
    def inbox(self) -> Inbox:
        """Where replies arrive: one subscription for all requests and calls of the connection."""
        return Inbox(self)

    def new_inbox(self) -> str:
        """A fresh reply subject, for a subscription of its own."""
        return self._client.new_inbox()

    @cached_property
    def js(self) -> JetStream:
        """JetStream of this connection, in its domain."""
        from workbench.nats.jetstream import JetStream

        return JetStream(self)

    def on_state(self, callback: StateCallback) -> None:
        self._state_callbacks.append(callback)

    def on_reconnected(self, callback: Callable[[], Awaitable[None]]) -> Callable[[], None]:
        """Await ``callback`` after each reconnect; the returned function takes it back."""
        self._reconnected.append(callback)

        def remove() -> None:
            if callback in self._reconnected:
                self._reconnected.remove(callback)

        return remove

    def _tell(self, state: str) -> None:
        for callback in list(self._state_callbacks):
            callback(state)

    async def _on_error(self, error: Exception) -> None:
        self.async_errors += 1
        self._last_error = error
        log.info("nats connection %s: %s: %s", self.url, type(error).__name__, error)

    async def _on_disconnected(self) -> None:
        self._tell("disconnected")

    async def _on_reconnected(self) -> None:
        for callback in list(self._reconnected):
            try:
                await callback()
            except Exception:
                log.exception("rebuilding after a reconnect failed")
        self._tell("reconnected")

    async def _on_closed(self) -> None:
        if self._replies is not None:
            self._replies.fail()
        self._tell("closed")

    # -- traffic -------------------------------------------------------------------------------

    async def publish(
        self,
        subject: str,
        data: bytes = b"",
        *,
        reply: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Publish one message; it is buffered while the server is away. Raises `NatsError`."""
        check_subject(subject, reply)
        self._check_size(subject, data, headers)
        try:
            await self._client.publish(
                subject, data, reply, dict(headers) if headers is not None else None
            )
        except nats.errors.Error as error:
            raise _mapped(error, subject) from error

    def publish_nowait(
        self,
        subject: str,
        data: bytes = b"",
        *,
        reply: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Put one message into the send buffer, without back-pressure: `flush` between bulk.

        For plain callbacks, and four times as fast as `publish`. Raises `NatsError`.
        """
        check_subject(subject, reply)
        self.put(subject, data, reply, headers)

    def put(
        self,
        subject: str,
        data: bytes = b"",
        reply: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`publish_nowait` for what needs no check: subjects made of an inbox of either side."""
        client = self._client
        if headers:
            command = publish_command(subject, reply, data, headers)
            if len(command) > client._max_payload:
                self._check_size(subject, data, headers)
        else:
            size = len(data)
            if size > client._max_payload:
                self._check_size(subject, data, None)
            head = f"PUB {subject} {reply} {size}\r\n" if reply else f"PUB {subject} {size}\r\n"
            # Longer lines end the connection; no inbox makes one, but a stranger names its own.
            if len(head) > MAX_SUBJECTS_BYTES // 4:
                check_subject(subject, reply)
            command = b"%b%b\r\n" % (head.encode(), data)
        if client._status != CONNECTED:
            self._check_line(subject, len(command))
        client._pending.append(command)
        client._pending_data_size += len(command)
        if not self._writing:
            self._writing = True
            asyncio.get_running_loop().call_soon(self._write_out)

    def _check_line(self, subject: str, size: int) -> None:
        """While the server is away messages are kept for it, within bounds."""
        client = self._client
        if client.is_closed:
            raise _mapped(nats.errors.ConnectionClosedError(), subject)
        if not client.is_connected and client._pending_data_size + size > PENDING_BYTES:
            raise _mapped(nats.errors.OutboundBufferLimitError(), subject)

    def _check_size(self, subject: str, data: bytes, headers: Mapping[str, str] | None) -> None:
        # Over the limit the server cuts the connection and nats-py never comes back (nats.md §10.3).
        size = len(data)
        if headers:
            size += 12 + sum(len(k.encode()) + len(v.encode()) + 4 for k, v in headers.items())
        if size > self.max_payload:
            raise NatsError(
                f"a message of {size} bytes to {subject} is over the server's limit of {self.max_payload}",
                hint="send it in pieces, or raise max_payload on the server",
                size=size,
                limit=self.max_payload,
            )

    async def subscribe(self, subject: str, callback: Callback, *, queue: str = "") -> Subscription:
        """Deliver each message to ``callback``, in order, one after another.

        A plain function or an async one; an exception is logged and the next message follows.
        Do slow work in a task of your own: the callback holds back its subscription.
        """
        check_subject(subject, queue)
        is_async = inspect.iscoroutinefunction(callback)

        async def deliver(raw: Msg) -> None:
            try:
                result = callback(self._message(raw))
                if is_async or inspect.isawaitable(result):
                    await result  # type: ignore[misc]
            except Exception:
                log.exception("a subscriber of %s failed on a message", subject)

        try:
            raw = await self._client.subscribe(subject, queue=queue, cb=deliver)
            return Subscription(raw, self._client)
        except nats.errors.Error as error:
            raise _mapped(error, subject) from error

    async def subscribe_direct(
        self, subject: str, callback: Callable[[Message], None], *, queue: str = ""
    ) -> Subscription:
        """As `subscribe`, for a plain callback that takes microseconds and never blocks.

        It is called from the read loop itself, at less than half the cost for each message.
        """
        subscription = await self.subscribe(subject, callback, queue=queue)
        self._client.direct[subscription.sid] = callback
        return subscription

    async def drain(self, subscriptions: Iterable[Subscription]) -> None:
        """End subscriptions without losing what the server has already sent for them.

        Returns when that has been delivered. With the server away there is nothing to wait for.
        """
        ending = list(subscriptions)
        if ending and self.is_connected:
            try:
                for subscription in ending:
                    await subscription.announce_end()
                # The answer to a PING comes after everything that was sent before.
                await self.flush()
                for subscription in ending:
                    await subscription.delivered()
            except (NatsError, nats.errors.Error, OSError) as error:
                log.debug("draining: %s", error)
        for subscription in ending:
            await subscription.unsubscribe()

    def _message(self, raw: Msg) -> Message:
        status = status_of(raw.headers) if raw.headers else None
        return Message(raw.subject, raw.data, raw.reply, raw.headers, status, self)

    async def request(
        self,
        subject: str,
        data: bytes = b"",
        *,
        timeout_s: float = 2.0,
        headers: Mapping[str, str] | None = None,
    ) -> Message:
        """One request, one reply. Raises `NoResponders`, `RequestTimeout`, `NatsError`."""
        self._check_size(subject, data, headers)
        if self._replies is None:
            self._replies = Replies(self)
        try:
            reply = await self._replies.ask(subject, data, headers, timeout_s)
        except TimeoutError as error:
            raise RequestTimeout(
                self._away() or f"no reply on {subject} within {timeout_s:g} s",
                hint=_AWAY_HINT if self._away() else "`%wasmcloud doctor` tells what is wrong",
                subject=subject,
                timeout_s=timeout_s,
            ) from error
        if reply.status == 503:
            raise NoResponders(f"nobody answers on {subject}", subject=subject)
        return reply

    async def gather(
        self,
        subject: str,
        data: bytes = b"",
        *,
        timeout_s: float = 2.0,
        limit: int | None = None,
        quiet_s: float | None = None,
    ) -> list[Message]:
        """Ask everybody: all replies within ``timeout_s``.

        Ends early at ``limit`` replies, after ``quiet_s`` without a further one, and at once when
        the server says that nobody is there. Raises `NatsError` when the server itself is away.
        """
        inbox = self.inbox
        await inbox.open()
        arrived: asyncio.Queue[Message] = asyncio.Queue()
        token = inbox.new_token()
        reply = inbox.add(token, lambda tail, message: arrived.put_nowait(message))
        replies: list[Message] = []
        try:
            await self.publish(subject, data, reply=reply)
            async with asyncio.timeout(timeout_s):
                while limit is None or len(replies) < limit:
                    message = await _next(arrived, quiet_s if replies else None)
                    if message is None or message.status == 503:
                        break
                    replies.append(message)
        except TimeoutError:
            pass  # the time is simply over: what came is the answer
        finally:
            inbox.receivers.pop(token, None)
        if not replies and (away := self._away()):
            raise NatsError(away, hint=_AWAY_HINT, subject=subject)
        return replies

    def _away(self) -> str:
        """What to say of a server that is not there, ``""`` while it is."""
        return (
            "" if self.is_connected else f"the NATS server at {_without_password(self.url)} is away"
        )

    async def flush(self, timeout_s: float = 5.0) -> None:
        """Wait until the server has seen all that was sent (a PING round trip)."""
        self._write_out()
        try:
            await self._client.flush(timeout=int(timeout_s) or 1)
        except (TimeoutError, nats.errors.Error) as error:
            raise _mapped(error, "flush") from error

    def _write_out(self) -> None:
        """Hand the send buffer to the socket: once for all that one turn of the loop published.

        A flush must do it too: nats-py writes PING past its own buffer, so that the PONG would
        come before the server has seen what is buffered, a fresh subscription for instance.
        """
        self._writing = False
        client = self._client
        if not client._pending or not client.is_connected or client._transport is None:
            return
        try:
            client._transport.writelines(client._pending[:])
        except (RuntimeError, OSError) as error:
            # The line just broke; the buffer is kept for the reconnect that follows.
            log.debug("writing to %s: %s", self.url, error)
            return
        client._pending = []
        client._pending_data_size = 0

    async def close(self) -> None:
        """Send what is buffered and close. Harmless when closed already."""
        try:
            if self._client.is_connected:
                self._write_out()
                await self._client.flush(timeout=1)
        except (TimeoutError, nats.errors.Error, OSError) as error:
            log.debug("flush before close: %s", error)
        await _close_quietly(self._client)


_AWAY_HINT = "wait until it is back; `%wasmcloud down` and `%wasmcloud up` start a new lattice"


async def _next(queue: asyncio.Queue[Message], quiet_s: float | None) -> Message | None:
    """The next message, or None after ``quiet_s`` of silence."""
    if quiet_s is None:
        return await queue.get()
    try:
        async with asyncio.timeout(quiet_s):
            return await queue.get()
    except TimeoutError:
        return None


async def _close_quietly(client: TolerantClient) -> None:
    if not client.is_connected:
        # nats-py would write it to the broken transport, fail there, and leave its tasks behind.
        client._pending = []
        client._pending_data_size = 0
    try:
        await client.close()
    except (nats.errors.Error, OSError) as error:
        log.debug("closing: %s", error)


def _connect_failed(url: str, error: Exception) -> ConnectFailed:
    text = str(error) or type(error).__name__
    if "authorization" in text.lower():
        hint = "the server refuses these credentials: check user, password or the creds file"
    elif isinstance(error, ConnectionResetError | nats.errors.UnexpectedEOF):
        # What the server said last is lost when it closes while we are still writing.
        hint = "the server hung up at once: most often it refuses the credentials"
    else:
        hint = "check that a NATS server listens there and that the address is right"
    return ConnectFailed(f"no connection to {_without_password(url)}: {text}", hint=hint, url=url)


def _without_password(url: str) -> str:
    scheme, sep, rest = url.partition("://")
    return f"{scheme}{sep}{rest.rpartition('@')[2]}" if sep else url.rpartition("@")[2]


def _mapped(error: Exception, subject: str) -> NatsError:
    if isinstance(error, nats.errors.ConnectionClosedError):
        return NatsError("the NATS connection is closed", hint="connect again", subject=subject)
    if isinstance(error, nats.errors.OutboundBufferLimitError):
        return NatsError(
            "the NATS server is away and the send buffer is full",
            hint="wait until the server is back",
            subject=subject,
        )
    return NatsError(f"NATS: {error or type(error).__name__} ({subject})", subject=subject)
