"""Calls over wRPC on a lattice: invoke and serve, with streams and futures.

client = RpcClient(nc, lattice="default")
value = await client.invoke("greeter", "demo:greet/greeter@0.1.0", function, [args])

server = RpcServer(nc, lattice="default")
served = await server.serve("greeter", {instance: {"describe": (function, handler)}})
"""

from workbench.lattice.rpc_client import Role, RpcClient
from workbench.lattice.rpc_server import Functions, Handler, InvocationContext, RpcServer, Served
from workbench.lattice.rpc_streams import ByteStream, ValueFuture, ValueStream

__all__ = [
    "ByteStream",
    "Functions",
    "Handler",
    "InvocationContext",
    "Role",
    "RpcClient",
    "RpcServer",
    "Served",
    "ValueFuture",
    "ValueStream",
]
