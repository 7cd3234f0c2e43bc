"""HTTP: what pipelines ask and are told. One module per resource, one function per operation."""

from functions.api import caches, endpoints, service

blueprints = (caches.bp, endpoints.bp, service.bp)
