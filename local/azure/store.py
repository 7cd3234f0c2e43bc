"""Resources are frozen values under their lower-case id; the last few versions of a changed one are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from local.azure.calls import Json

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
    """All resources by key, indexed by type, subscription and group."""

    _items: dict[str, Resource] = field(default_factory=dict)
    _lists: dict[tuple[str, str], dict[str, Resource]] = field(default_factory=dict)
    _children: dict[str, dict[str, Resource]] = field(default_factory=dict)
    _versions: dict[str, deque[tuple[float, Resource | None]]] = field(default_factory=dict)

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
        key = resource.key
        self._remember(key, resource, now)
        self._items[key] = resource
        for index in _indexes(resource):
            self._lists.setdefault(index, {})[key] = resource
        if _is_nested(resource):
            self._children.setdefault(_parent(resource), {})[key] = resource

    def remove(self, resource_id: str, now: float) -> Resource | None:
        key = resource_id.lower()
        gone = self._items.pop(key, None)
        if gone is None:
            return None
        self._remember(key, None, now, gone)
        for index in _indexes(gone):
            del self._lists[index][key]
        if _is_nested(gone):
            del self._children[_parent(gone)][key]
        return gone

    def _remember(self, key: str, resource: Resource | None, now: float, before: Resource | None = None) -> None:
        versions = self._versions.get(key)
        if versions is None:
            versions = self._versions[key] = deque([(float("-inf"), before or self._items.get(key))], _VERSIONS)
        versions.append((now, resource))

    def page(self, scope: str, kind: str, after: int, size: int) -> list[Resource]:
        """Give up to ``size`` of the type below the scope (an id, lower case) whose serial is above ``after``."""
        items = self._lists.get((scope, kind), {}).values()
        return list(islice((item for item in items if item.serial > after), size))

    def children(self, parent_id: str) -> list[Resource]:
        """Give the resources directly inside one that is no group."""
        return list(self._children.get(parent_id.lower(), {}).values())

    def within(self, scope: str) -> list[Resource]:
        """Give every resource whose id starts with the scope's; looks at all there are."""
        prefix = scope.lower() + "/"
        return [item for key, item in self._items.items() if key.startswith(prefix)]

    def of(self, kind: type[R]) -> Iterator[R]:
        """Iterate over a snapshot of all resources of the class."""
        return iter([item for item in self._items.values() if isinstance(item, kind)])


def _is_nested(resource: Resource) -> bool:
    return resource.type.count("/") > 1


def _parent(resource: Resource) -> str:
    return resource.key.rsplit("/", 2)[0]


def _indexes(resource: Resource) -> tuple[tuple[str, str], ...]:
    kind = resource.type.lower()
    subscription = f"/subscriptions/{resource.subscription.lower()}"
    if _is_nested(resource):
        return ((_parent(resource), kind),)
    if "/providers/" not in resource.key:
        return ((subscription, kind),)
    return ((subscription, kind), (resource.group_id.lower(), kind))
