"""Calls over wRPC on a lattice: invoke and serve, with streams and futures.

client = RpcClient(nc, lattice="default")
value = await client.invoke("greeter", "demo:greet/greeter@0.1.0", function, [args])

server = RpcServer(nc, lattice="default")
served = await server.serve("greeter", {instance: {"describe": (function, handler)}})
"""

from workbench.lattice.rpc_client import Role, RpcClient
from workbench.lattice.rpc_context import Eager, Functions, Handler, InvocationContext
from workbench.lattice.rpc_gate import Gate, Place
from workbench.lattice.rpc_server import RpcServer, Served
from workbench.lattice.rpc_streams import ByteStream, ValueFuture, ValueStream

__all__ = [
    "ByteStream",
    "Eager",
    "Functions",
    "Gate",
    "Handler",
    "InvocationContext",
    "Place",
    "Role",
    "RpcClient",
    "RpcServer",
    "Served",
    "ValueFuture",
    "ValueStream",
]
