"""Migrations of caches that are inside a virtual network."""

from __future__ import annotations

from shared.api.operation import WAIT, Operation, Role

MIGRATION = "migrations/{subscription}/{group}/{name}"
_STANDS = {
    200: "Ready: the new cache is there and private, and the old one is as it was. Or nobody has asked for one.",
    202: "Converging: the new cache is being made.",
    409: "Blocked: it will not come by itself; `target` says why.",
}
_ELSE = {409: "The cache is not inside a virtual network (`NotInjected`)."}
_SHOWN = {
    "id": "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-shop/providers/"
    "Microsoft.Cache/Redis/shop",
    "proposals": [
        {
            "kind": "managed",
            "location": "westeurope",
            "sku": "Balanced_B5",
            "shards": 0,
            "accessKeys": True,
            "note": "A proposal by memory.",
        }
    ],
    "notCarriedOver": ["The data: Drawbridge moves none."],
    "steps": ["Make the new cache beside the old one."],
}

GET_MIGRATION = Operation(
    name="get_migration",
    method="GET",
    path=MIGRATION,
    summary="Look at what would take the place of a VNet-injected cache",
    description="The settings proposed, what cannot be carried over, the order of steps, and how far it has come.",
    gives="migrations.MigrationShown",
    answers=_STANDS,
    query=(WAIT,),
    azure=True,
    shown=_SHOWN,
    fails=_ELSE,
)

PUT_MIGRATION = Operation(
    name="put_migration",
    method="PUT",
    path=MIGRATION,
    summary="Make the new cache beside the old one",
    description="As `PUT` of a cache does, with what is proposed where the body says nothing. The old cache is not "
    "touched, and never deleted.",
    gives="migrations.MigrationShown",
    answers=_STANDS,
    role=Role.OPERATOR,
    takes="migrations.MigrationWish",
    query=(WAIT,),
    guarded=True,
    azure=True,
    example={"name": "shop-private", "kind": "managed"},
    shown=_SHOWN,
    fails=_ELSE,
)

ALL = (GET_MIGRATION, PUT_MIGRATION)
