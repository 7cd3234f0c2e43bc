"""A recording is sent again, call by call, to a world whose time it drives, and every answer is held against it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from local.azure.callers import OPERATOR
from local.azure.calls import BASE_URL, Answer, Json
from local.azure.clock import ManualClock
from local.azure.faults import Busy, FailOperation, Lasting, Match
from local.azure.throttle import Buckets
from local.azure.world import Wire, World, WorldOptions
from tests.component.azure.recordings.cassettes import ANNOUNCING, Exchange, announced, arm_path
from tests.component.azure.recordings.comparing import differences
from tests.component.azure.recordings.outsiders import follow
from tests.component.azure.recordings.scope import reasons
from tests.component.azure.recordings.standing import Standing
from tests.component.azure.recordings.timing import Timing, before, timing

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONG = 4000.0
# From when on new caches show which version of TLS they take at least.
_TLS_SINCE = datetime(2025, 4, 1, tzinfo=UTC)
# Recorders put this one in the place of every id that they hide.
_NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one exchange: ``left_out`` says why it does not count, ``found`` how the answers differ.

    ``again`` marks one of an extract, which repeats a part of another recording.
    """

    recording: str
    exchange: Exchange
    left_out: str = ""
    found: tuple[str, ...] = ()
    again: bool = False


@dataclass(slots=True)
class Walk:
    """``urls`` are our operations by the path of the recorded ones, ``guids`` our made-up ids by theirs."""

    exchanges: Sequence[Exchange]
    clock: ManualClock = field(default_factory=ManualClock)
    world: World = field(init=False)
    times: Timing = field(init=False)
    standing: Standing = field(init=False)
    urls: dict[str, str] = field(default_factory=dict)
    guids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        options = WorldOptions(
            buckets=Buckets(enforced=False), minimum_tls_shown=not before(self.exchanges, _TLS_SINCE)
        )
        self.world = World(self.clock, options)
        self.times = timing(self.exchanges)
        self.standing = Standing(self.world, self.clock, self.exchanges)
        self.standing.prepare()

    def outcomes(self, recording: str, *, again: bool = False) -> list[Outcome]:
        """Send everything that counts, in order."""
        return [
            self._outcome(Outcome(recording, exchange, reason, again=again))
            for exchange, reason in zip(self.exchanges, reasons(self.exchanges), strict=True)
        ]

    def _outcome(self, outcome: Outcome) -> Outcome:
        if outcome.left_out:
            follow(self.standing, outcome.exchange)
            return outcome
        return replace(outcome, found=tuple(self._found(outcome.exchange)))

    def _found(self, exchange: Exchange) -> list[str]:
        answer = self._send(exchange)
        self._learn(exchange.answer, answer.body)
        self._learn_urls(exchange, answer)
        return differences(self._without_neighbours(exchange, answer), answer)

    def _send(self, exchange: Exchange) -> Answer:
        begun = self.times.moments[exchange.number - 1] if exchange.number else 0.0
        self.clock.advance(self.times.moments[exchange.number] - begun)
        self._foresee(exchange)
        self._happened(exchange)
        url = self.urls.get(exchange.key, exchange.url)
        body = json.loads(self._ours(json.dumps(exchange.request)))
        wire = Wire({name: self._ours(value) for name, value in exchange.conditions.items()}, BASE_URL)
        answer = self.world.request(exchange.method, self._ours(url), body, OPERATOR, wire)
        self.world.faults.clear()
        return answer

    def _foresee(self, exchange: Exchange) -> None:
        """Let the operation that this call begins take as long, and end as badly, as the recorded one."""
        lasting = self.times.lasting[exchange.number]
        if lasting is not None:
            self.world.faults.add(Lasting(lasting), Match())
        if exchange.error_code == "Conflict":
            self.world.faults.add(Busy(), Match())
        watched = announced(exchange) - {exchange.key}
        for later in self.exchanges[exchange.number :]:
            if later.key in watched and "Redis" in later.error_code:
                message = str((later.answer or {})["error"].get("message"))
                self.world.faults.add(FailOperation(later.error_code, message), Match())
                return

    def _happened(self, exchange: Exchange) -> None:
        """Delete a group that is found deleted, since the call that did it was not recorded."""
        if exchange.path is None or exchange.error_code != "ResourceGroupNotFound":
            return
        if self.world.store.get(exchange.path.group_id) is not None:
            self.world.act("DELETE", exchange.path.group_id)
            self.clock.advance(_LONG)

    def _ours(self, text: str) -> str:
        for recorded, ours in self.guids.items():
            text = text.replace(recorded, ours)
        return text

    def _learn(self, recorded: object, ours: object) -> None:
        """Note which made-up id of ours stands for which recorded one."""
        match recorded, ours:
            case dict(), dict():
                for name in recorded.keys() & ours.keys():
                    self._learn(recorded[name], ours[name])
            case list(), list():
                for one, other in zip(recorded, ours, strict=False):
                    self._learn(one, other)
            case str(), str():
                pairs = zip(_GUID.findall(recorded), _GUID.findall(ours), strict=False)
                self.guids |= {one: other for one, other in pairs if one not in {other, _NOBODY}}
            case _:
                pass

    def _learn_urls(self, exchange: Exchange, answer: Answer) -> None:
        ours = {name.lower(): value for name, value in answer.headers.items()}
        for name in ANNOUNCING:
            path = arm_path(exchange.headers.get(name, ""))
            if path is not None and path.key != exchange.key and name in ours:
                self.urls[path.key] = ours[name]

    def _without_neighbours(self, exchange: Exchange, answer: Answer) -> Exchange:
        """Leave out of a list of a whole subscription what others had made in it."""
        items = (exchange.answer or {}).get("value")
        if exchange.path is None or exchange.path.group or not isinstance(items, list):
            return exchange
        mine = {item["id"].lower() for item in _items(answer)}
        known = {other.key for other in self.exchanges if other.method in {"PUT", "PATCH"}}
        kept = [item for item in items if "id" not in item or item["id"].lower() in mine | known]
        return replace(exchange, answer={**(exchange.answer or {}), "value": kept})


def _items(answer: Answer) -> list[Json]:
    value = (answer.body or {}).get("value")
    return [item for item in value if "id" in item] if isinstance(value, list) else []
