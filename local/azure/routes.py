"""A resource type is known with its api-versions, queries and verbs; anything else is refused aloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.azure import errors
from local.azure.calls import Answer, Call

if TYPE_CHECKING:
    from local.azure.world import World

Handler = Callable[["World", Call], Answer]

# What the signed URLs of operations carry.
_SIGNED = frozenset({"t", "c", "s", "h"})


@dataclass(frozen=True, slots=True)
class Route:
    """One resource type.

    ``type`` is spelt as in ids, ``operation`` as in the names of actions. ``handlers`` are by verb; LIST is the GET of
    a collection, and POST is followed by a colon and the action.
    """

    type: str
    operation: str
    versions: frozenset[str]
    handlers: Mapping[str, Handler]
    queries: frozenset[str] = field(default=frozenset({"api-version"}))


@dataclass(frozen=True, slots=True)
class Routes:
    """All types, in lower case."""

    by_type: Mapping[str, Route]

    @classmethod
    def all(cls) -> Routes:
        """Collect what the providers offer."""
        from local.azure import (  # noqa: PLC0415 - providers use routes and the world
            databases,
            dnsrecords,
            inventory,
            listing,
            locks,
            privatedns,
            redis,
            redis_parts,
            redisenterprise,
            resourcegraph,
            resources,
            tags,
        )
        from local.azure.network import (  # noqa: PLC0415 - as above
            endpoints,
            interfaces,
            securitygroups,
            vnets,
            zonegroups,
        )

        cache = (redis, redis_parts, redisenterprise, databases)
        network = (endpoints, zonegroups, interfaces, securitygroups, vnets, privatedns, dnsrecords)
        modules = (*cache, *network, resources, resourcegraph, inventory, listing, tags, locks)
        return cls({route.type.lower(): route for module in modules for route in module.ROUTES})

    def of(self, namespace: str) -> list[Route]:
        """Give the types of a provider, by name."""
        prefix = f"{namespace.lower()}/"
        return [route for kind, route in sorted(self.by_type.items()) if kind.startswith(prefix)]

    def find(self, call: Call) -> tuple[Route, Handler]:
        """Find who handles a call; raises ArmError (501) for what is not emulated."""
        route = self.by_type.get(call.path.type)
        if route is None:
            raise errors.not_emulated(f"the route {call.method} {call.path.text}")
        verb = verb_of(call)
        handler = route.handlers.get(verb)
        if handler is None:
            raise errors.not_emulated(f"{verb} of {route.type}")
        if call.api_version not in route.versions:
            known = ", ".join(sorted(route.versions))
            raise errors.not_emulated(f"api-version '{call.api_version}' of {route.type} (it knows {known})")
        strange = set(call.query) - route.queries
        if strange:
            raise errors.not_emulated(f"the query option '{min(strange)}' of {verb} {route.type}")
        return route, handler


def verb_of(call: Call) -> str:
    """Give the verb that handlers go by."""
    if call.method == "POST":
        return f"POST:{call.path.action}"
    return "LIST" if call.path.is_list and call.method == "GET" else call.method


PAGED = frozenset({"api-version", "$skiptoken"})
SIGNED = frozenset({"api-version"}) | _SIGNED
