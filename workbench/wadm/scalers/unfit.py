"""The place holder for a part that can't be built; it only shows why (wadm-engine.md §10.1)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from workbench.wadm.observed import Observed, Topic
from workbench.wadm.scalers.base import Context, Need, Plan, Step, failed

__all__ = ["Unfit"]


@dataclass(frozen=True)
class Unfit:
    """Always failed, with a fixed message."""

    app: str
    kind: str
    name: str
    message: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    needs: tuple[Need, ...] = ()
    topics: frozenset[Topic] = frozenset()

    @property
    def label(self) -> str:
        return self.name

    def reconcile(self, observed: Observed, context: Context) -> Plan:
        return Plan((), failed(self.message))

    def cleanup(self, observed: Observed, context: Context) -> tuple[Step, ...]:
        return ()
