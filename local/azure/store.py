"""Resources are frozen values under their lower-case id; the last few versions of a changed one are kept."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from local.azure.calls import Json

ALWAYS = float("-inf")
"""Since when things are there that stood in the world from its beginning."""
_VERSIONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What every resource has. ``id`` is spelt as Azure's answers spell it."""

    id: str
    type: str
    tags: dict[str, str] = field(default_factory=dict)
    serial: int = 0

    @property
    def key(self) -> str:
        return self.id.lower()

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[-1]

    @property
    def subscription(self) -> str:
        return self.id.split("/", 3)[2]

    @property
    def group_id(self) -> str:
        return "/".join(self.id.split("/", 5)[:5])

    def render(self) -> Json:
        """Give the JSON of a GET."""
        raise NotImplementedError

    def nested(self) -> Json:
        """Give the JSON of an item in a list, where it differs from a GET's."""
        return self.render()


R = TypeVar("R", bound=Resource)


@dataclass(slots=True)
class Store:
    """All resources by key, and by what is asked for: no answer costs more than what is in it.

    Only lists of resources are indexed; ``_order`` is the serials of a long one, made when a later page is asked for.
    """

    _items: dict[str, Resource] = field(default_factory=dict)
    _lists: dict[tuple[str, str], dict[str, Resource]] = field(default_factory=dict)
    _order: dict[tuple[str, str], tuple[list[int], list[str]]] = field(default_factory=dict)
    _children: dict[str, dict[str, Resource]] = field(default_factory=dict)
    _inside: dict[str, dict[str, Resource]] = field(default_factory=dict)
    _groups: dict[str, dict[str, None]] = field(default_factory=dict)
    _classes: dict[type[Resource], dict[str, Resource]] = field(default_factory=dict)
    _names: dict[tuple[type[Resource], str], tuple[str, ...]] = field(default_factory=dict)
    _versions: dict[str, tuple[tuple[float, Resource | None], ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._items)

    def get(self, resource_id: str) -> Resource | None:
        return self._items.get(resource_id.lower())

    def find(self, resource_id: str, kind: type[R]) -> R | None:
        """Find a resource of the class; None where there is none, or another."""
        found = self._items.get(resource_id.lower())
        return found if isinstance(found, kind) else None

    def as_of(self, resource_id: str, moment: float) -> Resource | None:
        """Read as of a moment (world seconds), as far back as the last few versions go."""
        versions = self._versions.get(resource_id.lower())
        if not versions:
            return self.get(resource_id)
        held = [item for since, item in versions if since <= moment]
        return held[-1] if held else versions[0][1]

    def put(self, resource: Resource, now: float) -> None:
        """Make or replace a resource as of now; ALWAYS is for what was there before the world was looked at."""
        key = resource.key
        before = self._items.get(key)
        if before is not None and type(before) is not type(resource):
            raise TypeError(f"{resource.id} is a {type(before).__name__} and cannot become a {type(resource).__name__}")
        self._remember(key, before, resource, now)
        self._items[key] = resource
        for index in _indexes(resource):
            self._lists.setdefault(index, {})[key] = resource
            if before is None:
                self._order.pop(index, None)
        if _is_nested(resource):
            self._children.setdefault(_parent(resource), {})[key] = resource
        group, subscription = _places(key)
        self._inside.setdefault(group, {})[key] = resource
        self._groups.setdefault(subscription, {})[group] = None
        self._classes.setdefault(type(resource), {})[key] = resource
        if before is None:
            name = (type(resource), key.rpartition("/")[2])
            self._names[name] = (*self._names.get(name, ()), key)

    def remove(self, resource_id: str, now: float) -> Resource | None:
        key = resource_id.lower()
        gone = self._items.pop(key, None)
        if gone is None:
            return None
        self._remember(key, gone, None, now)
        for index in _indexes(gone):
            del self._lists[index][key]
            self._order.pop(index, None)
        if _is_nested(gone):
            del self._children[_parent(gone)][key]
        del self._inside[_places(key)[0]][key]
        del self._classes[type(gone)][key]
        name = (type(gone), key.rpartition("/")[2])
        self._names[name] = tuple(other for other in self._names[name] if other != key)
        return gone

    def _remember(self, key: str, before: Resource | None, after: Resource | None, now: float) -> None:
        versions = self._versions.get(key)
        if versions is None:
            if now == ALWAYS:
                return
            versions = ((ALWAYS, before),)
        self._versions[key] = (*versions[1 - _VERSIONS :], (now, after))

    def page(self, scope: str, kind: str, after: int, size: int) -> list[Resource]:
        """Give up to ``size`` of the type below the scope (an id, lower case) whose serial is above ``after``.

        What is written between two pages neither repeats nor hides what was there: serials only grow.
        """
        index = (scope, kind)
        items = self._lists.get(index, {})
        if not after:
            return list(islice(items.values(), size))
        serials, keys = self._order.get(index) or self._ordered(index)
        start = bisect_right(serials, after)
        return [items[key] for key in keys[start : start + size]]

    def _ordered(self, index: tuple[str, str]) -> tuple[list[int], list[str]]:
        items = self._lists.get(index, {})
        order = self._order[index] = ([item.serial for item in items.values()], list(items))
        return order

    def children(self, parent_id: str) -> list[Resource]:
        """Give the resources directly inside one that is no group."""
        return list(self._children.get(parent_id.lower(), {}).values())

    def within(self, scope: str) -> list[Resource]:
        """Give every resource whose id starts with the scope's, which is that of a subscription or what is in it."""
        prefix = scope.lower() + "/"
        group, subscription = _places(scope.lower())
        places = [group] if group != subscription else self._groups.get(subscription, {})
        found = (self._inside.get(place, {}) for place in places)
        return [item for items in found for key, item in items.items() if key.startswith(prefix)]

    def of(self, kind: type[R]) -> Iterator[R]:
        """Iterate over a snapshot of all resources of the class."""
        classes = [items for each, items in self._classes.items() if issubclass(each, kind)]
        return iter([item for items in classes for item in items.values() if isinstance(item, kind)])

    def named(self, kind: type[R], name: str) -> list[R]:
        """Give the resources of exactly the class that have the name, wherever they are."""
        keys = self._names.get((kind, name.lower()), ())
        return [item for key in keys if isinstance(item := self._items[key], kind)]


def _is_nested(resource: Resource) -> bool:
    return resource.type.count("/") > 1


def _parent(resource: Resource) -> str:
    return resource.key.rsplit("/", 2)[0]


def _places(key: str) -> tuple[str, str]:
    """Give the group that something is in, or the subscription where it is in none, and the subscription."""
    parts = key.split("/", 5)
    subscription = "/".join(parts[:3])
    return ("/".join(parts[:5]) if parts[3:4] == ["resourcegroups"] else subscription), subscription


def _indexes(resource: Resource) -> tuple[tuple[str, str], ...]:
    kind = resource.type.lower()
    subscription = f"/subscriptions/{resource.subscription.lower()}"
    if _is_nested(resource):
        return ((_parent(resource), kind),)
    if "/providers/" not in resource.key:
        return ((subscription, kind),)
    return ((subscription, kind), (resource.group_id.lower(), kind))
