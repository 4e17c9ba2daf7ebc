"""The wire: every protocol of a lattice as pure code, bytes in and typed values out.

No sockets, no asyncio, no wasmtime, no files but our own; a decoder raises `RemoteError` only.
Import the module that you need (`workbench.wire.control`, `.events`, `.records`, `.wrpc`, `.wit`…).
"""
