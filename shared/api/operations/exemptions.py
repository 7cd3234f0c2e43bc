"""The exemption of a cache."""

from __future__ import annotations

from shared.api.operation import CACHE, KIND, Operation, Role

EXEMPTION = CACHE + "/exemption"
_SHOWN = {
    "id": "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-shop/providers/"
    "Microsoft.Cache/Redis/shop",
    "state": "Ready",
    "until": "2026-12-31",
    "reason": "the vendor moves in December",
    "owner": "team-shop",
    "grantedBy": "ada@example.com",
    "grantedAt": "2026-11-23T10:00:00+00:00",
    "remindAt": "2026-12-29T00:00:00+00:00",
    "ends": "2027-01-01T00:00:00+00:00",
}

GET_EXEMPTION = Operation(
    name="get_exemption",
    method="GET",
    path=EXEMPTION,
    summary="See the exemption that was granted",
    description="One that a tag gives is shown with the cache.",
    gives="exemptions.ExemptionShown",
    answers={200: "The exemption, also one that has ended."},
    query=(KIND,),
    guarded=True,
    shown=_SHOWN,
)

PUT_EXEMPTION = Operation(
    name="put_exemption",
    method="PUT",
    path=EXEMPTION,
    summary="Tolerate public access for a while",
    description="Bounded by the policy. It ends by itself, and is announced before; then the policy is enforced again. "
    "A cache that is closed is not opened by it.",
    gives="exemptions.ExemptionShown",
    answers={200: "It is in force."},
    role=Role.ADMIN,
    takes="exemptions.ExemptionWish",
    query=(KIND,),
    guarded=True,
    azure=True,
    example={"until": "2026-12-31", "reason": "the vendor moves in December", "owner": "team-shop"},
    shown=_SHOWN,
)

DELETE_EXEMPTION = Operation(
    name="delete_exemption",
    method="DELETE",
    path=EXEMPTION,
    summary="End an exemption",
    description="The policy is enforced again at once. One that a tag gives stays.",
    gives="exemptions.ExemptionShown",
    answers={200: "What would change, with `dryRun`.", 204: "There is none any more."},
    role=Role.ADMIN,
    query=(KIND,),
    guarded=True,
    azure=True,
)

ALL = (GET_EXEMPTION, PUT_EXEMPTION, DELETE_EXEMPTION)
