"""The link scaler: one link of the manifest (wadm-engine.md §14.1, with the improvements of §20.1)."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.wadm.commands import DeleteLink, PutLink
from workbench.wadm.observed import HOSTS, Observed, Topic, link_key
from workbench.wadm.scalers.base import DEPLOYED, Context, Need, Plan, Step, reconciling
from workbench.wire.records import Link
from workbench.wire.wadm import link_scaler_id, link_scaler_name

__all__ = ["LinkScaler"]


@dataclass(frozen=True)
class LinkScaler:
    """Puts its link as soon as its configs are there, whether or not the ends run yet."""

    app: str
    link: Link
    label: str
    needs: tuple[Need, ...] = ()
    id: str = ""
    kind: str = "LinkScaler"

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", link_scaler_id(self.app, self.link))

    @property
    def name(self) -> str:
        return link_scaler_name(self.link)

    @property
    def topics(self) -> frozenset[Topic]:
        configs = (("config", need.name) for need in self.needs)
        return frozenset({("link", self.link.source_id), HOSTS, *configs})

    def reconcile(self, observed: Observed, context: Context) -> Plan:
        """All eight fields are compared: upstream compares three and misses changes."""
        wanted = self.link
        present = observed.links.get(link_key(wanted))
        if present == wanted:
            return Plan((), DEPLOYED)
        status = reconciling(
            f"Putting link definition between {wanted.source_id} and {wanted.target}"
        )
        if self._blocked(observed, context):
            return Plan((), status)
        why = "the lattice has no such link" if present is None else "the link there differs"
        return Plan((Step(PutLink(wanted, self.app), why),), status)

    def _blocked(self, observed: Observed, context: Context) -> bool:
        """Whether a link of the same slot, which nobody declares any more, is about to go.

        Hosts refuse a second target for a common interface (control-interface.md §11.2). A link
        that somebody put by hand is not ours to remove: then the host's refusal says so.
        """
        if not context.retiring:
            return False
        wanted = set(self.link.interfaces)
        return any(
            other.target != self.link.target
            and wanted & set(other.interfaces)
            and link_key(other) not in context.links
            for other in observed.links_in_slot(self.link)
        )

    def cleanup(self, observed: Observed, context: Context) -> tuple[Step, ...]:
        """Delete the link unless another current scaler declares it."""
        link = self.link
        if link_key(link) in context.links:
            return ()
        command = DeleteLink(
            link.source_id, link.name, link.wit_namespace, link.wit_package, self.app
        )
        return (Step(command, "the application does not have it any more"),)
