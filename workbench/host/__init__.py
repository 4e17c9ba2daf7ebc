"""The host room: a wasmCloud 1.9 host in this process.

Control server, scaling, links, config, inventory, events, artifacts and the imports of
components. It knows providers only through the port in ``providers.py``; it holds no wasmtime
and no nats-py.
"""

from workbench.host.artifacts import Artifact, Artifacts, ArtifactSource, CellArtifacts
from workbench.host.host import Host
from workbench.host.options import HOST_VERSION, HostOptions, LogLine, OnLog
from workbench.host.providers import HostData, ProviderFactory, ProviderHandle, ProviderHealth

__all__ = [
    "HOST_VERSION",
    "Artifact",
    "ArtifactSource",
    "Artifacts",
    "CellArtifacts",
    "Host",
    "HostData",
    "HostOptions",
    "LogLine",
    "OnLog",
    "ProviderFactory",
    "ProviderHandle",
    "ProviderHealth",
]
