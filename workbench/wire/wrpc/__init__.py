"""wRPC without any I/O: value codec, channels, and the two state machines of a call.

Bytes and messages come in, values and instructions go out (wrpc.md). Sockets, tasks and clocks
live in `workbench.lattice`; nothing here awaits or sleeps.
"""

from workbench.wire.wrpc.channel import FutureDecoder, StreamDecoder, encode_chunk, encode_item
from workbench.wire.wrpc.codec import FunctionCodec, decoder, encoder, function_codec
from workbench.wire.wrpc.decode import Decoder
from workbench.wire.wrpc.encode import Deferred
from workbench.wire.wrpc.pending import AsyncValues, Pending, PendingValues, Ready

__all__ = [
    "AsyncValues",
    "Decoder",
    "Deferred",
    "FunctionCodec",
    "FutureDecoder",
    "Pending",
    "PendingValues",
    "Ready",
    "StreamDecoder",
    "decoder",
    "encode_chunk",
    "encode_item",
    "encoder",
    "function_codec",
]
