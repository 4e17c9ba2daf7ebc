"""Capability providers: the SDK (a provider is a Python class), its runner, the built-in ones.

A provider runs as tasks of this process and speaks the external contract on NATS. May import
``wire``, ``nats`` and ``lattice``; hosts know it only through their own port.
"""

from workbench.providers.builtin import builtin_providers, provider_factory
from workbench.providers.http_server import HttpServer
from workbench.providers.runner import LinkState, ProviderTask
from workbench.providers.sdk import Health, Provider, ProviderContext, ProviderFailed

__all__ = [
    "Health",
    "HttpServer",
    "LinkState",
    "Provider",
    "ProviderContext",
    "ProviderFailed",
    "ProviderTask",
    "builtin_providers",
    "provider_factory",
]
