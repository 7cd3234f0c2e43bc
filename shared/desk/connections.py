"""Connections of a cache: what its owner decides about them is stored, and carried out by the next pass, once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from shared.api.calls import Answer
from shared.api.errors import ClashError, NotHereError
from shared.api.operation import Role
from shared.api.shapes.common import Rehearsed, State
from shared.api.shapes.connections import ConnectionStanding, ConnectionWish
from shared.desk.desk import Desk, Named, etag
from shared.desk.standing import answer, planned, said, state_of
from shared.model import Status, Subject
from shared.planner import plan
from shared.store.requests import StoredRequest
from shared.wishes import CONNECTED, DESCRIPTION, SETTLED
from shared.wishes import STATUS as DECIDED

if TYPE_CHECKING:
    from shared.api.calls import Call
    from shared.model import Cache, Connection
    from shared.store.caches import CacheRow

_NAME = re.compile(r"[\w.-]{1,200}")
"""What a connection can be called: nothing else was ever decided about."""
_Stored = tuple["StoredRequest | None", "CacheRow | None"]


@dataclass(frozen=True, slots=True)
class ConnectionsDesk:
    """Answers what is asked about connections."""

    desk: Desk

    async def show(self, call: Call) -> Answer:
        """Say how a connection is, and what was decided about it."""
        cache = await self.desk.existing(Named.of(call))
        name = call.part("connection")
        request = await self._request(cache, name)
        if request is None and _found(cache, name) is None:
            raise NotHereError(f"connection {name[:200]} of {cache.id}")
        return await self._answer(call, cache, request)

    async def decide(self, call: Call) -> Answer:
        """Store that a connection shall be approved or rejected."""
        wish = call.given(ConnectionWish)
        return await self._stored(call, Status(wish.status.value), wish.description)

    async def remove(self, call: Call) -> Answer:
        """Store that a connection shall be removed."""
        return await self._stored(call, Status.DISCONNECTED, "")

    async def _stored(self, call: Call, status: Status, description: str) -> Answer:
        cache = await self.desk.existing(Named.of(call))
        connection = _found(cache, call.part("connection"))
        if connection is None:
            raise NotHereError(f"connection {call.part('connection')[:200]} of {cache.id}")
        _insist_on_another(call, cache, connection, status)
        options = {DECIDED: status.value, DESCRIPTION: description}
        options |= {CONNECTED: str(connection.endpoint)} if connection.endpoint else {}
        request = StoredRequest(
            cache.id, connection.name, call.caller.name, self.desk.now(), options=options, subject=Subject.CONNECTION
        )
        if call.dry_run:
            return await self._rehearsed(call, request)
        stored = await self.desk.stored(request, call.conditions)
        await self.desk.heard(cache.id, call, f"decided that connection {connection.name} shall be {status.value}")
        return await self._answer(call, cache, stored)

    async def _rehearsed(self, call: Call, request: StoredRequest) -> Answer:
        before = await self.desk.store.requests.get(request.cache, request.placement, request.subject)
        call.conditions.insist_on(etag(before.etag) if before else "")
        seen = await self.desk.seen_with(request, await self.desk.store.caches.read(request.cache))
        told = f"that connection {request.placement} shall be {request.options[DECIDED]} would be stored"
        decided = planned(plan(seen.observed, seen.desired, self.desk.now()))
        return Answer(Rehearsed(dry_run=True, stored=told, plan=decided))

    async def _request(self, cache: Cache, name: str) -> StoredRequest | None:
        """Read the decision about a connection; it is kept under the name as the cache spells it."""
        found = _found(cache, name)
        if found is None and not _NAME.fullmatch(name):
            return None
        return await self.desk.store.requests.get(cache.id, found.name if found else name, Subject.CONNECTION)

    async def _answer(self, call: Call, cache: Cache, request: StoredRequest | None) -> Answer:
        name = request.placement if request else call.part("connection")

        async def read() -> _Stored:
            stored = await self.desk.store.requests.get(cache.id, name, Subject.CONNECTION)
            return stored, await self.desk.store.caches.read(cache.id)

        standing = await self.desk.waiting.until(
            f"connection {name} {cache.id}",
            read,
            partial(_standing, cache, name, request),
            lambda found: found.state is not State.CONVERGING,
            call.wait,
        )
        return answer(standing, standing.state, etag(request.etag) if request else "")


def _found(cache: Cache, name: str) -> Connection | None:
    return next((each for each in cache.connections if each.name.lower() == name.lower()), None)


def _insist_on_another(call: Call, cache: Cache, connection: Connection, status: Status) -> None:
    """Refuse to take away the last way in, unless an Admin says that it may go."""
    approved = cache.approved()
    if status is Status.APPROVED or connection not in approved or len(approved) > 1:
        return
    if not call.query["lastEndpoint"]:
        message = f"{connection.name} is the last approved connection: an Admin may take it with ?lastEndpoint=true"
        raise ClashError(message, "lastEndpoint", code="LastEndpoint")
    call.caller.insist_on(Role.ADMIN)


def _standing(cache: Cache, name: str, asked: StoredRequest | None, stored: _Stored) -> ConnectionStanding:
    """Say where the decision stands that is ``asked`` about; it is not stored any more once an approval is done."""
    request, row = stored
    found = _found(cache, name)
    wanted = Status(asked.options[DECIDED]) if asked else None
    seen = found.status if found else Status.DISCONNECTED
    done = asked is not None and (request is None or SETTLED in request.options)
    heard = asked is not None and row is not None and row.asked is not None and row.asked >= asked.requested_at
    verdict = row.verdict if row and heard else None
    state = State.READY
    if asked is not None and not done and seen is not wanted:
        state = State.BLOCKED if verdict and state_of(verdict) is State.BLOCKED else State.CONVERGING
    return ConnectionStanding(
        id=str(cache.id),
        connection=found.name if found else name,
        state=state,
        endpoint=str(found.endpoint) if found and found.endpoint else None,
        status=wanted if done and wanted else seen,
        wanted=wanted,
        requested_by=asked.requested_by if asked else "",
        verdict=said(verdict) if verdict else None,
        since=row.since.isoformat() if row and row.since and verdict else None,
    )
