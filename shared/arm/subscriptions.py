"""The subscriptions that the identity reads, and those under a management group: two lists of ARM's own."""

from __future__ import annotations

from urllib.parse import quote

from shared.arm.calls import Caller
from shared.arm.errors import Call
from shared.ids import subscription_id

_API_SUBSCRIPTIONS = "2022-12-01"
_API_MANAGEMENT_GROUPS = "2020-05-01"
_USABLE = frozenset({"enabled", "warned", "pastdue"})
"""States in which Azure still takes changes; Disabled and Deleted subscriptions are read-only or gone."""


class Subscriptions:
    """Lists subscriptions. Every method raises ArmError."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def readable(self) -> tuple[str, ...]:
        """Name the subscriptions that this identity can read and that are in use, sorted."""
        call = Call("Microsoft.Resources/subscriptions/read", "")
        items = await self._caller.pages(call, "/subscriptions", {"api-version": _API_SUBSCRIPTIONS})
        usable = (s for s in items if str(s.get("state") or "Enabled").lower() in _USABLE)
        return tuple(sorted({subscription_id(s["subscriptionId"]) for s in usable}))

    async def under(self, management_group: str) -> tuple[str, ...]:
        """Name every subscription below a management group, at any depth, sorted; whatever its state.

        A group that does not exist, or that the identity may not read, is an ArmError: never an empty answer.
        """
        call = Call("Microsoft.Management/managementGroups/descendants/read", "")
        path = f"/providers/Microsoft.Management/managementGroups/{quote(management_group, safe='')}/descendants"
        items = await self._caller.pages(call, path, {"api-version": _API_MANAGEMENT_GROUPS})
        below = (i for i in items if str(i.get("type")).lower().endswith("/subscriptions"))
        return tuple(sorted({subscription_id(i["name"]) for i in below}))
