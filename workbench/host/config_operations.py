"""``config.put``, ``config.get`` and ``config.del`` (control-interface.md §12.1-§12.3)."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.errors import DecodeError, NatsError
from workbench.host.control_server import Answer, Handler, Request
from workbench.wire.control import accepted, answered, refused
from workbench.wire.events import ConfigDeleted, ConfigSet

if TYPE_CHECKING:
    from workbench.host.config import ConfigStore
    from workbench.host.publisher import EventPublisher

__all__ = ["ConfigOperations"]

_log = logging.getLogger(__name__)

# events-and-lattice-data.md §B.2; stricter than NATS, and what other hosts can read.
_KEY = re.compile(r"[-/_=.a-zA-Z0-9]+")
_NOT_A_MAP = "config data should be a map of string -> string"


class ConfigOperations:
    """Handlers of the lattice-wide config operations."""

    def __init__(self, configs: ConfigStore, publisher: EventPublisher) -> None:
        self._configs = configs
        self._publisher = publisher

    def handlers(self) -> Mapping[str, Handler]:
        return {"config.put": self.put, "config.get": self.get, "config.del": self.delete}

    async def put(self, request: Request) -> Answer:
        """Store the bytes as they came; they were checked to be a string map."""
        try:
            _check(request.object)
            await self._configs.put(request.object, request.data)
        except NatsError as error:
            _log.warning("config %r is not stored: %s", request.object[:80], error)
            return Answer(refused("unable to store config data"))
        await self._publisher.publish(ConfigSet(config_name=request.object))
        return Answer(accepted("successfully put config"))

    async def get(self, request: Request) -> Answer:
        try:
            _check(request.object)
            values = await self._configs.get(request.object)
        except DecodeError:
            return Answer(refused(_NOT_A_MAP))
        if values is None:
            return Answer(accepted("Configuration not found"))
        return Answer(answered(values))

    async def delete(self, request: Request) -> Answer:
        try:
            _check(request.object)
            await self._configs.delete(request.object)
        except NatsError as error:
            _log.warning("config %r is not deleted: %s", request.object[:80], error)
            return Answer(refused("Unable to delete config data"))
        await self._publisher.publish(ConfigDeleted(config_name=request.object))
        return Answer(accepted("successfully deleted config"))


def _check(name: str) -> None:
    if _KEY.fullmatch(name) is None:
        raise NatsError("key cannot be empty or start/end with `.`", key=name)
