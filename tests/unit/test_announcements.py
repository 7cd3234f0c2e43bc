"""Which changes are announced: each that somebody may have to act on, and nothing twice."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.announcements import Announcement, Change, announcements
from shared.model import Memory, PublicAccess, Reason, Verdict, VerdictKind
from tests.worlds import NOW

COMPLIANT = Verdict(VerdictKind.COMPLIANT)
CONVERGING = Verdict(VerdictKind.CONVERGING)
OPEN, CLOSED = PublicAccess.ENABLED.value, PublicAccess.DISABLED.value
LOST = Memory(lost_at=NOW)
EXEMPT = Memory(exempt=True)
REMINDED = Memory(exempt=True, reminded=True)


def blocked(reason: Reason, message: str = "") -> Verdict:
    return Verdict(VerdictKind.BLOCKED, reason, message)


def change(**changes: object) -> Change:
    """Give a pass over a cache that is as it should be and stays so, but for the changes."""
    same = Change(
        before=COMPLIANT,
        after=COMPLIANT,
        memory_before=Memory(),
        memory_after=Memory(),
        settled_before=True,
        settled_after=True,
        access_before=CLOSED,
        access_after=CLOSED,
    )
    return msgspec.structs.replace(same, **changes)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param(change(), set(), id="nothing"),
        pytest.param(change(before=None, settled_before=False, settled_after=False), set(), id="first-seen"),
        pytest.param(change(after=CONVERGING), set(), id="on-its-way"),
        pytest.param(change(memory_after=LOST), {Announcement.PROTECTION_LOST}, id="protection-lost"),
        pytest.param(change(memory_before=LOST), {Announcement.PROTECTION_RESTORED}, id="protection-restored"),
        pytest.param(change(settled_before=False), {Announcement.ENDPOINT_ATTACHED}, id="attached"),
        pytest.param(change(settled_after=False), set(), id="no-longer-settled"),
        pytest.param(change(access_before=OPEN), {Announcement.PUBLIC_ACCESS_CLOSED}, id="closed"),
        pytest.param(change(access_after=OPEN), set(), id="opened"),
        pytest.param(change(access_before=""), set(), id="closed-when-first-seen"),
        pytest.param(change(access_before="Absent"), set(), id="closed-from-absent"),
        pytest.param(change(after=blocked(Reason.SUBNET_FULL)), {Announcement.BLOCKED}, id="blocked"),
        pytest.param(change(before=None, after=blocked(Reason.FAILED)), {Announcement.BLOCKED}, id="blocked-at-once"),
        pytest.param(change(after=blocked(Reason.CONTESTED)), {Announcement.CONTESTED}, id="contested"),
        pytest.param(change(after=blocked(Reason.EXPOSED)), {Announcement.EXPOSED}, id="exposed"),
        pytest.param(
            change(before=blocked(Reason.SUBNET_FULL), after=blocked(Reason.EXPOSED)),
            {Announcement.EXPOSED},
            id="blocked-for-another-reason",
        ),
        pytest.param(change(before=blocked(Reason.SUBNET_FULL)), set(), id="no-longer-blocked"),
        pytest.param(
            change(
                before=CONVERGING,
                after=blocked(Reason.SUBNET_FULL),
                memory_before=Memory(blocked=Reason.SUBNET_FULL),
            ),
            set(),
            id="blocked-again-after-being-put-off",
        ),
        pytest.param(change(memory_after=EXEMPT), set(), id="exemption-begins"),
        pytest.param(
            change(memory_before=EXEMPT, memory_after=REMINDED), {Announcement.EXEMPTION_ENDING}, id="exemption-ending"
        ),
        pytest.param(change(memory_before=REMINDED), {Announcement.EXEMPTION_ENDED}, id="exemption-ended"),
        pytest.param(
            change(memory_before=EXEMPT), {Announcement.EXEMPTION_ENDED}, id="exemption-ended-without-a-reminder"
        ),
        pytest.param(
            change(memory_after=REMINDED), {Announcement.EXEMPTION_ENDING}, id="exemption-begins-near-its-end"
        ),
        pytest.param(
            change(memory_before=LOST, settled_before=False, access_before=OPEN),
            {Announcement.PROTECTION_RESTORED, Announcement.ENDPOINT_ATTACHED, Announcement.PUBLIC_ACCESS_CLOSED},
            id="several-at-once",
        ),
    ],
)
def test_a_change_is_announced_by_what_has_become_of_the_cache(changed: Change, expected: set[Announcement]) -> None:
    assert set(announcements(changed)) == expected


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_announced_once_under_one_name(reason: Reason) -> None:
    named = {Reason.CONTESTED: Announcement.CONTESTED, Reason.EXPOSED: Announcement.EXPOSED}
    expected = named.get(reason, Announcement.BLOCKED)

    assert announcements(change(after=blocked(reason))) == (expected,)
    assert announcements(change(before=blocked(reason), after=blocked(reason, "in other words"))) == ()


verdicts = st.sampled_from([COMPLIANT, CONVERGING, *map(blocked, Reason)])
memories = st.builds(
    Memory, lost_at=st.sampled_from([None, NOW]), exempt=st.booleans(), reminded=st.booleans(), protected=st.booleans()
)
accesses = st.sampled_from(["", *(access.value for access in PublicAccess)])
changes = st.fixed_dictionaries(
    {
        "before": st.none() | verdicts,
        "after": verdicts,
        "memory_before": memories,
        "memory_after": memories,
        "settled_before": st.booleans(),
        "settled_after": st.booleans(),
        "access_before": accesses,
        "access_after": accesses,
    }
).map(lambda fields: change(**fields))


@given(changes)
def test_a_pass_that_changes_nothing_more_announces_nothing_more(first: Change) -> None:
    again = Change(
        before=first.after,
        after=first.after,
        memory_before=first.memory_after,
        memory_after=first.memory_after,
        settled_before=first.settled_after,
        settled_after=first.settled_after,
        access_before=first.access_after,
        access_after=first.access_after,
    )

    assert announcements(again) == ()


@given(changes)
def test_no_change_is_announced_twice_or_both_ways(changed: Change) -> None:
    said = announcements(changed)

    assert len(said) == len(set(said))
    assert not {Announcement.PROTECTION_LOST, Announcement.PROTECTION_RESTORED} <= set(said)
    assert len({Announcement.BLOCKED, Announcement.CONTESTED, Announcement.EXPOSED} & set(said)) <= 1
    assert Announcement.SWEEP_COMPLETED not in said
