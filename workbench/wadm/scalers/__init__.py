"""Scalers: each keeps one part of an application as the manifest says. Pure, no I/O.

``scaler.reconcile(observed, context) -> Plan``; ``scaler.cleanup(observed, context) -> commands``.
"""

from workbench.wadm.scalers.base import Context, Need, Plan, Scaler, Step
from workbench.wadm.scalers.components import ComponentDaemon, ComponentSpread
from workbench.wadm.scalers.links import LinkScaler
from workbench.wadm.scalers.providers import ProviderDaemon, ProviderSpread
from workbench.wadm.scalers.spread import Goal, targets
from workbench.wadm.scalers.unfit import Unfit

__all__ = [
    "ComponentDaemon",
    "ComponentSpread",
    "Context",
    "Goal",
    "LinkScaler",
    "Need",
    "Plan",
    "ProviderDaemon",
    "ProviderSpread",
    "Scaler",
    "Step",
    "Unfit",
    "targets",
]
