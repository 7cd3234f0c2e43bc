"""Subscriptions, what is registered in them, and the management groups above them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_NAMESPACES = frozenset({"microsoft.cache", "microsoft.network", "microsoft.resources", "microsoft.eventgrid"})


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription; ``registered`` holds namespaces in lower case."""

    id: str
    name: str
    state: str = "Enabled"
    registered: frozenset[str] = DEFAULT_NAMESPACES
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ManagementGroup:
    """One management group: its children are groups' names and subscriptions' ids."""

    name: str
    display_name: str
    children: tuple[str, ...] = ()


@dataclass(slots=True)
class Directory:
    """All of them, by id in lower case."""

    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    groups: dict[str, ManagementGroup] = field(default_factory=dict)

    def add(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.id.lower()] = subscription

    def add_group(self, group: ManagementGroup) -> None:
        self.groups[group.name.lower()] = group

    def knows(self, subscription: str) -> bool:
        return subscription.lower() in self.subscriptions

    def registered(self, subscription: str, namespace: str) -> bool:
        found = self.subscriptions.get(subscription.lower())
        return found is not None and namespace.lower() in found.registered
