"""``wasi:http/types``: the functions on fields, messages and bodies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.wasm.store import CallState
from workbench.wasm.wasi import http_messages as messages
from workbench.wasm.wasi.http_bodies import BodyReader, BodyWriter
from workbench.wasm.wasi.http_fields import Fields, FieldsError, is_method, method_name
from workbench.wasm.wasi.io import IoError, Pollable
from workbench.wasm.wasi.table import WasiInterface, function
from workbench.wire.http import HttpError
from workbench.wire.wit.values import Case, Err, Ok

__all__ = ["Types"]


def _fields_result(work: Callable[[], Any]) -> Ok | Err:
    try:
        return Ok(work())
    except FieldsError as error:
        return Err(Case(error.args[0]))


class Types(WasiInterface):
    id = "wasi:http/types"

    @function("http-error-code")
    @staticmethod
    def http_error_code(call: CallState, error: IoError) -> Case | None:
        return error.http_code

    # -- fields --------------------------------------------------------------------------------

    @function("[constructor]fields")
    @staticmethod
    def new_fields(call: CallState) -> Fields:
        return Fields()

    @function("[static]fields.from-list")
    @staticmethod
    def from_list(call: CallState, entries: list[tuple[str, bytes]]) -> Any:
        return _fields_result(lambda: Fields.checked(entries))

    @function("[method]fields.get")
    @staticmethod
    def get(call: CallState, fields: Fields, name: str) -> list[bytes]:
        return fields.get(name)

    @function("[method]fields.has")
    @staticmethod
    def has(call: CallState, fields: Fields, name: str) -> bool:
        return fields.has(name)

    @function("[method]fields.set")
    @staticmethod
    def set(call: CallState, fields: Fields, name: str, values: list[bytes]) -> Any:
        return _fields_result(lambda: fields.set(name, values))

    @function("[method]fields.delete")
    @staticmethod
    def delete(call: CallState, fields: Fields, name: str) -> Any:
        return _fields_result(lambda: fields.delete(name))

    @function("[method]fields.append")
    @staticmethod
    def append(call: CallState, fields: Fields, name: str, value: bytes) -> Any:
        return _fields_result(lambda: fields.append(name, value))

    @function("[method]fields.entries")
    @staticmethod
    def entries(call: CallState, fields: Fields) -> list[tuple[str, bytes]]:
        return fields.entries()

    @function("[method]fields.clone")
    @staticmethod
    def clone(call: CallState, fields: Fields) -> Fields:
        return fields.copy()

    # -- incoming ------------------------------------------------------------------------------

    @function("[method]incoming-request.method")
    @staticmethod
    def incoming_method(call: CallState, request: messages.IncomingRequest) -> Case:
        return request.method

    @function("[method]incoming-request.path-with-query")
    @staticmethod
    def incoming_path(call: CallState, request: messages.IncomingRequest) -> str | None:
        return request.path

    @function("[method]incoming-request.scheme")
    @staticmethod
    def incoming_scheme(call: CallState, request: messages.IncomingRequest) -> Case | None:
        return request.scheme

    @function("[method]incoming-request.authority")
    @staticmethod
    def incoming_authority(call: CallState, request: messages.IncomingRequest) -> str | None:
        return request.authority

    @function("[method]incoming-response.status")
    @staticmethod
    def incoming_status(call: CallState, response: messages.IncomingResponse) -> int:
        return response.status

    @function("[method]incoming-body.stream")
    @staticmethod
    def body_stream(call: CallState, body: messages.IncomingBody) -> Any:
        if body.streamed:
            return Err()
        body.streamed = True
        return Ok(BodyReader(body.source))

    @function("[static]incoming-body.finish")
    @staticmethod
    def finish_incoming(call: CallState, body: messages.IncomingBody) -> Any:
        body.source.discard()
        return messages.FutureTrailers(body.source)

    @function("[method]future-trailers.subscribe")
    @staticmethod
    def trailers_subscribe(call: CallState, future: messages.FutureTrailers) -> Pollable:
        return Pollable(lambda: future.source.trailers_done)

    @function("[method]future-trailers.get")
    @staticmethod
    def trailers_get(call: CallState, future: messages.FutureTrailers) -> Any:
        source = future.source
        if not source.trailers_done:
            return None
        if future.taken:
            return Err()
        future.taken = True
        if source.failure is not None:
            code = source.failure.http_code or Case("internal-error", source.failure.message)
            return Ok(Err(code))
        return Ok(Ok(None if source.trailers is None else Fields.received(source.trailers)))

    # -- outgoing ------------------------------------------------------------------------------

    @function("[constructor]outgoing-request")
    @staticmethod
    def new_request(call: CallState, headers: Fields) -> messages.OutgoingRequest:
        return messages.OutgoingRequest(headers)

    @function("[method]outgoing-request.method")
    @staticmethod
    def request_method(call: CallState, request: messages.OutgoingRequest) -> Case:
        return request.method

    @function("[method]outgoing-request.set-method")
    @staticmethod
    def set_method(call: CallState, request: messages.OutgoingRequest, method: Case) -> Any:
        if not is_method(method_name(method)):
            return Err()
        request.method = method
        return Ok()

    @function("[method]outgoing-request.path-with-query")
    @staticmethod
    def request_path(call: CallState, request: messages.OutgoingRequest) -> str | None:
        return request.path

    @function("[method]outgoing-request.set-path-with-query")
    @staticmethod
    def set_path(call: CallState, request: messages.OutgoingRequest, path: str | None) -> Any:
        if path is not None and not _is_clean(path):
            return Err()
        request.path = path
        return Ok()

    @function("[method]outgoing-request.scheme")
    @staticmethod
    def request_scheme(call: CallState, request: messages.OutgoingRequest) -> Case | None:
        return request.scheme

    @function("[method]outgoing-request.set-scheme")
    @staticmethod
    def set_scheme(call: CallState, request: messages.OutgoingRequest, scheme: Case | None) -> Any:
        if scheme is not None and scheme.name == "other" and not is_method(str(scheme.payload)):
            return Err()
        request.scheme = scheme
        return Ok()

    @function("[method]outgoing-request.authority")
    @staticmethod
    def request_authority(call: CallState, request: messages.OutgoingRequest) -> str | None:
        return request.authority

    @function("[method]outgoing-request.set-authority")
    @staticmethod
    def set_authority(call: CallState, request: messages.OutgoingRequest, name: str | None) -> Any:
        if name is not None and (not name or not _is_clean(name) or "/" in name):
            return Err()
        request.authority = name
        return Ok()

    @function("[constructor]outgoing-response")
    @staticmethod
    def new_response(call: CallState, headers: Fields) -> messages.OutgoingResponse:
        return messages.OutgoingResponse(headers)

    @function("[method]outgoing-response.status-code")
    @staticmethod
    def status_code(call: CallState, response: messages.OutgoingResponse) -> int:
        return response.status

    @function("[method]outgoing-response.set-status-code")
    @staticmethod
    def set_status(call: CallState, response: messages.OutgoingResponse, status: int) -> Any:
        if not 100 <= status <= 999:
            return Err()
        response.status = status
        return Ok()

    @function("[method]outgoing-body.write")
    @staticmethod
    def body_write(call: CallState, body: messages.OutgoingBody) -> Any:
        if body.written:
            return Err()
        body.written = True
        return Ok(BodyWriter(body.sink))

    @function("[static]outgoing-body.finish")
    @staticmethod
    def finish_outgoing(
        call: CallState, body: messages.OutgoingBody, trailers: Fields | None
    ) -> Any:
        # The real host traps here while the guest still holds the body's stream; we let it go on
        # (interfaces.md §4.3, the recorded component `hello` does that on every request).
        wrong_size = body.sink.wrong_size
        if wrong_size is not None:
            body.sink.finish(None)
            return Err(wrong_size)
        body.sink.finish(None if trailers is None else trailers.lowered())
        return Ok()

    @function("[static]response-outparam.set")
    @staticmethod
    def set_response(
        call: CallState, outparam: messages.ResponseOutparam, response: Ok | Err
    ) -> None:
        outparam.deliver(response)

    @function("[method]response-outparam.send-informational")
    @staticmethod
    def send_informational(
        call: CallState, outparam: messages.ResponseOutparam, status: int, headers: Fields
    ) -> Any:
        return Err(Case("internal-error", "informational responses are not sent on"))

    # -- options and the response to come --------------------------------------------------------

    @function("[constructor]request-options")
    @staticmethod
    def new_options(call: CallState) -> messages.Options:
        return messages.Options()

    @function("[method]future-incoming-response.subscribe")
    @staticmethod
    def response_subscribe(call: CallState, future: messages.FutureResponse) -> Pollable:
        return Pollable(future.call.is_done)

    @function("[method]future-incoming-response.get")
    @staticmethod
    def response_get(call: CallState, future: messages.FutureResponse) -> Any:
        if not future.call.done:
            return None
        if future.taken:
            return Err()
        future.taken = True
        try:
            return Ok(Ok(future.call.result()))
        except HttpError as error:
            return Ok(Err(Case(error.code, error.payload)))


def _is_clean(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _headers(call: CallState, message: Any) -> Fields:
    return message.headers


def _consume(call: CallState, message: messages.IncomingMessage) -> Any:
    if message.consumed:
        return Err()
    message.consumed = True
    return Ok(messages.IncomingBody(message.source))


def _body(call: CallState, message: messages.OutgoingMessage) -> Any:
    sink = message.open_body(call)
    return Err() if sink is None else Ok(messages.OutgoingBody(sink))


def _option(attribute: str) -> dict[str, Callable[..., Any]]:
    def read(call: CallState, options: messages.Options) -> int | None:
        return getattr(options, attribute)

    def write(call: CallState, options: messages.Options, duration: int | None) -> Ok:
        setattr(options, attribute, duration)
        return Ok()

    name = f"{attribute.replace('_', '-')}-timeout"
    return {
        f"[method]request-options.{name}": read,
        f"[method]request-options.set-{name}": write,
    }


for _kind in ("incoming-request", "incoming-response"):
    Types.functions[f"[method]{_kind}.headers"] = _headers
    Types.functions[f"[method]{_kind}.consume"] = _consume
for _kind in ("outgoing-request", "outgoing-response"):
    Types.functions[f"[method]{_kind}.headers"] = _headers
    Types.functions[f"[method]{_kind}.body"] = _body
for _name in ("connect", "first_byte", "between_bytes"):
    Types.functions |= _option(_name)
