"""Networks that callers ask for. Saying where one stands costs no call to Azure Resource Manager."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from shared.api.calls import Answer
from shared.api.errors import ChangedError, ForbiddenError, NotHereError, RefusedError
from shared.api.shapes.common import Planned, Rehearsed, State
from shared.api.shapes.networks import NetworkStanding
from shared.api.shapes.networks import NetworkWish as Body
from shared.desk.creations import refuse
from shared.desk.desk import ATTEMPTS, etag
from shared.desk.standing import answer, said, state_of, with_verdict
from shared.ids import GroupId, InvalidIdError, NetworkId, network_id, region
from shared.networking import NetworkWish, in_words, plan, problems
from shared.store.errors import ConflictError, StoreUnavailableError
from shared.store.networks import NetworkRequest
from shared.store.queue import NetworkWake

if TYPE_CHECKING:
    from shared.api.calls import Call, Conditions
    from shared.desk.desk import Desk
    from shared.model import Verdict
    from shared.networks import NetworkReconciler
    from shared.store.networks import NetworkRow


@dataclass(frozen=True, slots=True)
class NetworksDesk:
    """Answers what is asked about networks."""

    desk: Desk
    networks: NetworkReconciler

    async def ask(self, call: Call) -> Answer:
        """Store that a network is wanted, wake it, and say where it stands."""
        wish = wish_of(call.given(Body))
        refuse(problems(call.part("name"), wish), RefusedError)
        network = await self._named(call)
        if not self.networks.policy.networks.admit(network.group_id):
            message = f"the policy's networks.allow does not name resource group '{network.group}'"
            raise ForbiddenError(message, "group", code="NetworkNotAllowed")
        request = NetworkRequest(network, wish, call.caller.name, self.desk.now())
        if call.dry_run:
            return await self._rehearsed(request, call.conditions)
        stored = await self._stored(request, call.conditions)
        await self.desk.store.queue.put_network(NetworkWake(network, call.caller.name))
        return await self._answer(stored, call.wait)

    async def show(self, call: Call) -> Answer:
        """Say where a network stands that was asked for."""
        network = await self._named(call)
        request = await self.desk.store.networks.request(network)
        if request is None:
            raise NotHereError(network)
        return await self._answer(request, call.wait)

    async def _named(self, call: Call) -> NetworkId:
        """Name the network of a path; raises InvalidIdError, and NotHereError where it is out of scope."""
        group = GroupId.of(call.part("subscription"), call.part("group"))
        try:
            network = network_id(f"{group}/providers/Microsoft.Network/virtualNetworks/{call.part('name')}")
        except InvalidIdError as error:
            raise InvalidIdError(f"'{call.part('name')[:80]}' is not the name of a virtual network") from error
        await self.desk.insist_on_scope(group)
        return network

    async def _stored(self, request: NetworkRequest, conditions: Conditions) -> NetworkRequest:
        """Store a wish; asking again renews it, unless what it asks for is there already."""
        for _ in range(ATTEMPTS):
            before = await self._before(request, conditions)
            if before and await self._is_ready(before, request.wish):
                return before
            try:
                return await self.desk.store.networks.ask(request, before.etag if before else "")
            except ConflictError as error:
                if conditions.given:
                    raise ChangedError("somebody else has changed it just now; read it again", "If-Match") from error
        raise StoreUnavailableError(f"the request for {request.network} changes faster than it can be written")

    async def _before(self, request: NetworkRequest, conditions: Conditions) -> NetworkRequest | None:
        before = await self.desk.store.networks.request(request.network)
        conditions.insist_on(etag(before.etag if before else ""))
        return before

    async def _is_ready(self, request: NetworkRequest, wish: NetworkWish) -> bool:
        row = await self.desk.store.networks.row(request.network)
        return request.wish == wish and state_of(answering(request, row)) is State.READY

    async def _rehearsed(self, request: NetworkRequest, conditions: Conditions) -> Answer:
        """Say what the wish would change; nothing is stored, and nobody is woken."""
        before = await self._before(request, conditions)
        row = await self.desk.store.networks.row(request.network)
        seen = await self.networks.observe(request.network, request.wish, row)
        policy = self.networks.policy
        decided = plan(seen, request.wish, mode=policy.spec.mode, now=self.desk.now(), timing=policy.timing)
        actions = tuple(in_words(action) for action in decided.actions)
        stored = f"the request for network {request.network.name} would be {'renewed' if before else 'stored'}"
        planned = Planned(actions=actions, verdict=said(decided.verdict))
        return Answer(Rehearsed(dry_run=True, stored=stored, plan=planned), etag=etag(before.etag if before else ""))

    async def _answer(self, request: NetworkRequest, wait: float) -> Answer:
        row = await self.desk.waiting.until(
            f"network {request.network}",
            partial(self.desk.store.networks.row, request.network),
            lambda row: row,
            lambda row: state_of(answering(request, row)) is not State.CONVERGING,
            wait,
        )
        standing = standing_of(request, row)
        return answer(standing, standing.state, etag(request.etag))


def wish_of(body: Body) -> NetworkWish:
    """Read what a network shall be."""
    return NetworkWish(
        region=region(body.location),
        prefixes=body.address_space,
        subnet=body.subnet.name,
        subnet_prefix=body.subnet.prefix,
        zones=tuple(dict.fromkeys(name.lower() for name in body.zones)),
        policies=body.subnet.network_policies,
        endpoints=body.subnet.endpoints,
    )


def answering(request: NetworkRequest, row: NetworkRow) -> Verdict | None:
    """Give the verdict that answers a wish: that of a pass which knew of it; None before there is one."""
    known = row.asked is not None and row.asked >= request.at
    return row.verdict if known else None


def standing_of(request: NetworkRequest, row: NetworkRow) -> NetworkStanding:
    """Say where a network stands."""
    verdict = answering(request, row)
    bare = NetworkStanding(
        id=str(request.network),
        subnet=f"{request.network}/subnets/{request.wish.subnet}",
        state=state_of(verdict),
        zones=dict(row.zones),
    )
    return with_verdict(bare, verdict, row.since)
