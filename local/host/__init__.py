"""Azure Functions on a laptop: serves the very `function_app.py` that is deployed. Nothing here is deployed."""

from local.host.bindings import Function
from local.host.functions_host import FunctionsHost
from local.host.invocations import Invocation
from local.host.options import Clock, HostKeys, HostOptions
from local.host.process import HostProcess
from local.host.worker_library import IndexingError

__all__ = [
    "Clock",
    "Function",
    "FunctionsHost",
    "HostKeys",
    "HostOptions",
    "HostProcess",
    "IndexingError",
    "Invocation",
]
