"""Which lattice: its name and, for a manager of many tenants, the account that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.wire.subjects import CONTROL_PREFIX, WadmApiSubject, parse_event

__all__ = ["Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """One lattice. With ``account`` names are those of multitenant form (wadm-engine.md §3.2)."""

    lattice: str
    account: str = ""

    def __str__(self) -> str:
        return f"{self.lattice} of {self.account}" if self.account else self.lattice

    @property
    def key(self) -> str:
        """What its keys in the bucket of manifests begin with (§5.1)."""
        return f"{self.account}-{self.lattice}" if self.account else self.lattice

    @property
    def suffix(self) -> str:
        """What the names of its consumers end with (§4)."""
        return f"{self.lattice}_{self.account}" if self.account else self.lattice

    @property
    def control_prefix(self) -> str:
        return f"{self.account}.{CONTROL_PREFIX}" if self.account else CONTROL_PREFIX

    @classmethod
    def of_request(cls, subject: WadmApiSubject) -> Place:
        return cls(subject.lattice, subject.account)

    @classmethod
    def of_event(cls, subject: str, *, multitenant: bool) -> Place | None:
        """Where an event of a host comes from; None for a subject of another form (§6)."""
        account = ""
        if multitenant:
            account, _, subject = subject.partition(".")
            if not account.startswith("A"):
                return None
        found = parse_event(subject)
        return cls(found.lattice, account) if found is not None else None
