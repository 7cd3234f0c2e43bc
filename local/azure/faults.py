"""A fault is data: which calls it meets, and what it does to them. Locks and denials, which stand, are faults too."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import msgspec

from local.azure.calls import Call


class InvalidFaultError(ValueError):
    """A fault that cannot be read; the message names the field and what would be right."""


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Which calls: everything that is not said matches.

    ``method`` and ``path`` are regular expressions without case, held against the whole verb and searched in the path;
    ``type`` is a resource type, with ``*`` for any part of it; ``caller`` is an object id. Of the calls that match, the
    first ``after`` are spared and the ``count`` next are met.
    """

    method: str = ""
    path: str = ""
    type: str = ""
    subscription: str = ""
    caller: str = ""
    count: int | None = None
    after: int = 0

    def fits(self, call: Call) -> bool:
        return (
            (not self.method or bool(re.fullmatch(self.method, call.method, re.IGNORECASE)))
            and (not self.path or bool(re.search(self.path, call.path.text, re.IGNORECASE)))
            and (not self.type or fnmatch.fnmatchcase(call.path.type.lower(), self.type.lower()))
            and (not self.subscription or self.subscription.lower() == call.path.subscription.lower())
            and (not self.caller or self.caller.lower() == call.caller.object_id.lower())
        )


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from", "end": "until"}):
    """How likely, and in which world seconds after the fault was put in force; for as long as the world by default."""

    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    start: float = 0.0
    end: float | None = None

    def open(self, age: float) -> bool:
        return self.start <= age and (self.end is None or age < self.end)


_ALWAYS = When()


class _Effect(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", tag_field="effect"):
    pass


class Respond(_Effect, frozen=True, tag="respond"):
    """Answer with this status and ARM error instead of doing anything. ``headers`` go with it."""

    status: int = 500
    code: str = "InternalServerError"
    message: str = "Encountered internal server error."
    headers: dict[str, str] = {}


class Problem(_Effect, frozen=True, tag="problem"):
    """Answer a bare problem+json, which has no error code."""

    status: int = 404
    title: str = "Not Found"


class Throttle(_Effect, frozen=True, tag="throttle"):
    """429 SubscriptionRequestsThrottled; ``retry_after`` in wall seconds, None for no such header."""

    retry_after: int | None = 10


class RetryableError(_Effect, frozen=True, tag="retryable"):
    """429 RetryableError of Microsoft.Network: a lock, not throttling; ``another`` names its other code."""

    another: bool = False


class Busy(_Effect, frozen=True, tag="busy"):
    """409 without Retry-After: Conflict of Redis, or AnotherOperationInProgress of Microsoft.Network."""


class GatewayTimeout(_Effect, frozen=True, tag="timeout"):
    """504, with the work done or not."""

    work_done: bool = False


class Reset(_Effect, frozen=True, tag="reset"):
    """The connection ends without an answer, before or after the work is done."""

    after_write: bool = False


class Slow(_Effect, frozen=True, tag="slow"):
    """The answer is held back for so many wall seconds."""

    seconds: float = 5.0


class Stuck(_Effect, frozen=True, tag="stuck"):
    """The operation that the call begins never ends."""


class FailOperation(_Effect, frozen=True, tag="fail"):
    """The operation that the call begins ends Failed (with HTTP status 200)."""

    code: str = "InternalServerError"
    message: str = "An error occurred."


class Lasting(_Effect, frozen=True, tag="lasting"):
    """The operation that the call begins takes so many world seconds."""

    seconds: float = 600.0


class Stale(_Effect, frozen=True, tag="stale"):
    """A read shows the state of so many world seconds ago."""

    seconds: float = 10.0


class Denied(_Effect, frozen=True, tag="denied"):
    """The caller has no right to ``action`` (a pattern such as ``Microsoft.Network/*/write``) at or below ``scope``."""

    action: str = "*"
    scope: str = "/"

    def covers(self, action: str, scope: str) -> bool:
        within = scope.lower() + "/"
        return within.startswith(self.scope.lower().rstrip("/") + "/") and fnmatch.fnmatch(
            action.lower(), self.action.lower()
        )


class Lock(_Effect, frozen=True, tag="lock"):
    """A management lock: ``ReadOnly`` or ``CanNotDelete``, at ``scope`` and below."""

    scope: str
    level: str = "ReadOnly"


class PolicyDenial(_Effect, frozen=True, tag="policy"):
    """Azure Policy denies writes of ``type`` at or below ``scope``."""

    type: str
    scope: str = "/"
    assignment: str = (
        "/providers/Microsoft.Management/managementGroups/root/providers/Microsoft.Authorization/policyAssignments/deny"
    )
    definition: str = "/providers/Microsoft.Authorization/policyDefinitions/deny"


Effect = (
    Respond
    | Problem
    | Throttle
    | RetryableError
    | Busy
    | GatewayTimeout
    | Reset
    | Slow
    | Stuck
    | FailOperation
    | Lasting
    | Stale
    | Denied
    | Lock
    | PolicyDenial
)
Standing = (Denied, Lock, PolicyDenial)
_ANSWERS = (Respond, Problem, Throttle, RetryableError, Busy, GatewayTimeout, Reset)
"""What a call is answered with; of these, only the first in force meets a call."""


class EventFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What happens to the next ``count`` events whose operation name and subject match (regular expressions).

    ``kind`` is drop, duplicate, delay (by ``seconds`` of the world) or reorder (held until the next event has gone);
    the first ``after`` that match are spared.
    """

    kind: str
    operation: str = ""
    subject: str = ""
    count: int | None = None
    after: int = 0
    seconds: float = 60.0
    when: When = _ALWAYS

    def fits(self, operation: str, subject: str) -> bool:
        return bool(re.search(self.operation, operation, re.IGNORECASE)) and bool(
            re.search(self.subject, subject, re.IGNORECASE)
        )


EVENT_KINDS = ("drop", "duplicate", "delay", "reorder")


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An effect on the calls that match."""

    effect: Effect
    match: Match = Match()
    when: When = _ALWAYS


@dataclass(slots=True)
class _Armed:
    """A fault in force since a moment. ``salt`` is what its lots are drawn from, beside what is met."""

    number: int
    fault: Fault | EventFault
    since: float
    salt: str
    seen: int = 0
    met: int = 0
    drawn: Counter[str] = field(default_factory=Counter)

    def open(self, now: float) -> bool:
        return self.fault.when.open(now - self.since)

    def take(self, what: str, after: int, count: int | None) -> bool:
        """Count one that fits, and say whether it is met."""
        self.seen += 1
        if self.seen <= after or (count is not None and self.met >= count) or not self._drawn(what):
            return False
        self.met += 1
        return True

    def _drawn(self, what: str) -> bool:
        """Draw a lot for the n-th of its kind: other calls, in whatever order, do not change what it draws."""
        probability = self.fault.when.probability
        if probability >= 1:
            return True
        self.drawn[what] += 1
        lot = hashlib.blake2b(f"{self.salt} {what} {self.drawn[what]}".encode(), digest_size=8).digest()
        return int.from_bytes(lot) < probability * 2**64


def _what(call: Call) -> str:
    """Name a call's kind for its lots: operations are named by chance, so that their names say nothing."""
    path = call.path.parent if "operation" in call.path.type.rpartition("/")[2] else call.path.text
    return f"{call.method} {path} {call.caller.object_id}".lower()


def _no_time() -> float:
    return 0.0


E = TypeVar("E")


@dataclass(slots=True)
class Faults:
    """The faults in force. ``now`` gives the world's time; ``seed`` is what chance is drawn from."""

    now: Callable[[], float] = _no_time
    seed: int = 1
    _armed: list[_Armed] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000_000)))

    def add(self, fault: Fault | EventFault | Effect, match: Match | None = None, *, salt: str = "") -> int:
        """Put a fault in force, and give the number to clear it by. A bare effect takes its ``match`` beside it.

        Faults of one ``salt`` draw the same lots for the same calls; by default it is of the seed and the number.
        """
        if isinstance(fault, EventFault):
            if fault.kind not in EVENT_KINDS:
                raise InvalidFaultError(f"kind is {fault.kind!r}; it has to be one of {', '.join(EVENT_KINDS)}")
        elif not isinstance(fault, Fault):
            fault = Fault(fault, match or Match())
        number = next(self._numbers)
        self._armed.append(_Armed(number, fault, self.now(), salt or f"{self.seed}/{number}"))
        return number

    def add_json(self, data: dict[str, Any]) -> int:
        """Put a fault in force as the control route gives it.

        That is ``{"effect": {"effect": "busy"}, "match": {"path": "…"}}``, or an event fault, which has a ``kind``.
        """
        try:
            if "kind" in data:
                return self.add(msgspec.convert(data, EventFault))
            return self.add(msgspec.convert(data, Fault))
        except msgspec.ValidationError as error:
            raise InvalidFaultError(str(error)) from error

    def clear(self, number: int | None = None) -> None:
        """Lift one fault, or all."""
        self._armed = [armed for armed in self._armed if number is not None and armed.number != number]

    def meeting(self, call: Call) -> tuple[Effect, ...]:
        """Give the effects that meet this call, and count it; standing conditions are not counted."""
        met: list[Effect] = []
        for armed in self._armed:
            fault = armed.fault
            if (
                isinstance(fault, Fault)
                and not isinstance(fault.effect, Standing)
                and not (isinstance(fault.effect, _ANSWERS) and any(isinstance(effect, _ANSWERS) for effect in met))
                and fault.match.fits(call)
                and armed.open(self.now())
                and armed.take(_what(call), fault.match.after, fault.match.count)
            ):
                met.append(fault.effect)
        return tuple(met)

    def standing(self, kind: type[E], call: Call) -> Iterator[E]:
        """Give the standing conditions of a kind that apply to the caller."""
        for armed in self._armed:
            fault = armed.fault
            if (
                isinstance(fault, Fault)
                and isinstance(fault.effect, kind)
                and fault.match.fits(call)
                and armed.open(self.now())
            ):
                yield fault.effect

    def of_event(self, operation: str, subject: str) -> EventFault | None:
        """Give the first event fault that meets this event, and count it."""
        what = f"{operation} {subject}".lower()
        for armed in self._armed:
            fault = armed.fault
            if (
                isinstance(fault, EventFault)
                and fault.fits(operation, subject)
                and armed.open(self.now())
                and armed.take(what, fault.after, fault.count)
            ):
                return fault
        return None

    def listed(self) -> list[dict[str, Any]]:
        """Give the faults in force, for showing."""
        return [{"number": armed.number, "met": armed.met, **msgspec.to_builtins(armed.fault)} for armed in self._armed]
