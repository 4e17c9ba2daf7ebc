"""The lattice: asynchronous clients of hosts, components and manager, and what is seen of them.

What decides is pure (state, graph, explain); what talks does so over `workbench.nats` alone.
Import the module that you need (`workbench.lattice.control`, `.observer`, `.rpc`, `.wadm`…).
"""
