"""HTTP: what pipelines ask and are told. One module per resource, one function per operation."""

from functions.api import caches, creations, endpoints, service

blueprints = (caches.bp, creations.bp, endpoints.bp, service.bp)
