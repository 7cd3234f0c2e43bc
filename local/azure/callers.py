"""Who is known from the start: the app by its managed identity, a person who operates by hand, and a pipeline."""

from __future__ import annotations

from local.azure.calls import Caller

TENANT = "99999999-8888-7777-6666-555555555555"
APP = Caller("c0ffee00-0000-4000-8000-000000000001", "0aa0aaaa-1111-2222-3333-444444444444", TENANT)
OPERATOR = Caller(
    "f5d11ebc-8494-4b5f-a0fc-5fbbfd56f7bb",
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    TENANT,
    "ops@contoso.example",
    "Ops User",
)
# What a pipeline or a command line logs in as, with a secret.
PIPELINE = Caller("5e71ce00-0000-4000-8000-000000000003", "5e71ce00-1111-2222-3333-444444444444", TENANT)
# Azure Policy's own identity, which deploys what a policy says is missing.
POLICY = Caller("a0000000-0000-4000-8000-0000000000ff", "b0000000-0000-4000-8000-0000000000ff", TENANT)
