"""Waiting for an answer: what ends it, and what does not."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from drawbridge_cli.client import CallError, Json, Reply
from drawbridge_cli.following import Patience, follow

Answer = Reply | CallError
CONVERGING = Reply(202, {"state": "Converging", "step": "an endpoint is being made"})
READY = Reply(200, {"state": "Ready"})
BLOCKED = Reply(409, {"state": "Blocked", "reason": "SubnetFull"})


@dataclass
class Hours:
    """A clock that only waiting moves."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def patience(self, seconds: float) -> Patience:
        return Patience(seconds, lambda: self.now, self.sleep)


@dataclass
class Watched:
    told: list[Json] = field(default_factory=list)
    troubles: list[CallError] = field(default_factory=list)

    def tell(self, body: Json) -> None:
        self.told.append(body)

    def trouble(self, error: CallError) -> None:
        self.troubles.append(error)


@dataclass
class App:
    """Gives answers in a row, the last one for ever; holds each for as long as it is asked to."""

    hours: Hours
    answers: list[Answer]
    holds: list[int] = field(default_factory=list)

    def ask(self, hold: int) -> Reply:
        self.holds.append(hold)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, CallError):
            raise answer
        if answer is CONVERGING:
            self.hours.now += hold
        return answer


def followed(*answers: Answer, seconds: float = 600) -> tuple[Reply, App, Watched]:
    hours, watched = Hours(), Watched()
    app = App(hours, list(answers))
    return follow(app.ask, hours.patience(seconds), watched), app, watched


@pytest.mark.parametrize("final", [READY, BLOCKED], ids=["ready", "blocked"])
def test_a_final_state_ends_the_wait(final: Reply) -> None:
    reply, app, watched = followed(CONVERGING, CONVERGING, final)

    assert reply is final
    assert len(app.holds) == 3
    assert watched.told[-1] == final.body


def test_the_last_answer_is_given_when_the_time_is_up() -> None:
    reply, app, _ = followed(CONVERGING, seconds=100)

    assert reply is CONVERGING
    assert app.hours.now <= 101
    assert sum(app.holds) <= 100


def test_with_no_time_it_is_asked_once() -> None:
    reply, app, _ = followed(CONVERGING, seconds=0)

    assert (reply, app.holds) == (CONVERGING, [0])


def test_what_may_pass_is_asked_again_as_late_as_the_answer_says() -> None:
    reply, app, watched = followed(CallError("503", again=True, after=17), CallError("no route", again=True), READY)

    assert reply is READY
    assert app.hours.waits == [17, 5]
    assert [str(error) for error in watched.troubles] == ["503", "no route"]


def test_what_will_not_pass_is_raised_at_once() -> None:
    with pytest.raises(CallError, match="404"):
        followed(CONVERGING, CallError("404"), READY)


def test_what_may_pass_is_raised_when_the_time_is_up() -> None:
    with pytest.raises(CallError, match="503"):
        followed(CallError("503", again=True), seconds=12)


def test_no_wait_is_longer_than_what_is_left() -> None:
    def endless() -> Iterator[Answer]:
        yield CallError("429", again=True, after=3600)
        yield READY

    reply, app, _ = followed(*endless(), seconds=60)

    assert reply is READY
    assert app.hours.waits == [60]
