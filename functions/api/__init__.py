"""HTTP: what pipelines ask and are told. One module per resource, one function per operation."""

from functions.api import (
    access,
    caches,
    connections,
    creations,
    endpoints,
    exemptions,
    history,
    migrations,
    networks,
    service,
    subscriptions,
    sweeps,
)

blueprints = (
    caches.bp,
    creations.bp,
    endpoints.bp,
    access.bp,
    connections.bp,
    exemptions.bp,
    history.bp,
    migrations.bp,
    networks.bp,
    sweeps.bp,
    subscriptions.bp,
    service.bp,
)
