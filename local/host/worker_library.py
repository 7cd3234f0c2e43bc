"""The one module that touches `azure_functions_runtime`: Microsoft's worker library indexes and invokes.

What Azure runs on Python 3.13 and later is this same library, so an app that this module indexes has passed
Azure's own checks (argument names, annotations, directions, one trigger, unique names), in Azure's own words.

The library keeps its registry in module-level state and an app is an imported module called `function_app`:
one app at a time per process. `index_app` may be called again for another app, or the same, once the earlier
host has stopped: it empties the registry and imports `function_app` afresh. Module-level state of the app's
other modules survives, as nothing on Azure would make it do: name their packages in `reimport`, or give each
host its own process.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from azure_functions_runtime import (  # type: ignore[import-untyped]
    functions_metadata_request,
    handle_event,
    start_threadpool_executor,
    stop_threadpool_executor,
    worker_init_request,
)
from azure_functions_runtime.bindings.datumdef import Datum  # type: ignore[import-untyped]
from azure_functions_runtime.native_invocation import invocation_request_native  # type: ignore[import-untyped]

__all__ = [
    "Datum",
    "IndexedFunction",
    "IndexingError",
    "Outcome",
    "index_app",
    "invoke",
    "start_threadpool_executor",
    "stop_threadpool_executor",
]

APP_FILE = "function_app.py"
APP_MODULE = "function_app"


class IndexingError(Exception):
    """The app cannot be indexed: on Azure none of its functions would exist."""


@dataclass(frozen=True, slots=True)
class IndexedFunction:
    """A function as the worker reports it; `raw_bindings` are JSON texts in function.json's terms."""

    name: str
    function_id: str
    raw_bindings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one invocation came to; `error` is the exception's repr and `traceback` its text, when it failed."""

    ok: bool
    returned: Datum | None
    outputs: tuple[tuple[str, Datum], ...]
    error: str | None
    traceback: str | None


class _Message(SimpleNamespace):
    """A message of the worker's protocol as a plain object."""


class _StatusResult(_Message):
    Failure = 0
    Success = 1


class _BindingInfo(_Message):
    undefined = 0
    out = 1
    inout = 2


# The library builds its answers with the classes it is given; protobuf's are one choice, plain ones another.
_PROTOS = SimpleNamespace(
    BindingInfo=_BindingInfo,
    FunctionMetadataResponse=_Message,
    RpcException=_Message,
    RpcFunctionMetadata=_Message,
    RpcRetryOptions=_Message,
    StatusResult=_StatusResult,
    WorkerInitResponse=_Message,
    WorkerMetadata=_Message,
)


async def index_app(app_dir: Path, reimport: Iterable[str] = ()) -> tuple[IndexedFunction, ...]:
    """Import the app and index it as Azure does.

    `reimport` names top-level packages to import afresh besides `function_app`.
    Raises IndexingError with Microsoft's own message.
    """
    directory = _deployed_directory(app_dir)
    _forget_earlier_app(directory, frozenset(reimport))
    _import_from(str(directory))
    request = _Message(
        request=_Message(worker_init_request=_Message(capabilities={}, function_app_directory=str(directory))),
        properties={"host": "", "protos": _PROTOS},
    )
    answer = await worker_init_request(request)
    if answer.result.status != _StatusResult.Success:
        raise IndexingError(answer.result.exception.message) from _CauseInApp.of(answer.result.exception)
    metadata = await functions_metadata_request(None)
    return tuple(
        IndexedFunction(found.name, found.function_id, tuple(found.raw_bindings))
        for found in metadata.function_metadata_results or ()
    )


class _CauseInApp(Exception):  # noqa: N818 — it carries the worker's traceback as text, so that it is printed
    @classmethod
    def of(cls, exception: _Message) -> "_CauseInApp":
        return cls(f"while indexing\n{exception.stack_trace}")


async def invoke(
    function_id: str, invocation_id: str, inputs: Mapping[str, Datum], metadata: Mapping[str, Datum]
) -> Outcome:
    """Run one function through azure.functions' converters; its exceptions come back in the outcome."""
    ok, returned, outputs, error, traceback = await invocation_request_native(
        invocation_id, function_id, list(inputs.items()), dict(metadata)
    )
    return Outcome(ok, returned, tuple(outputs), error, traceback)


def _deployed_directory(app_dir: Path) -> Path:
    if not (app_dir / APP_FILE).is_file():
        raise IndexingError(f"There is no {APP_FILE} in {app_dir}: name the directory that is deployed.")
    return app_dir.absolute()


# The entries of sys.path that earlier apps left.
_added_paths: list[str] = []


def _import_from(directory: str) -> None:
    for earlier in _added_paths:
        if earlier in sys.path:
            sys.path.remove(earlier)
    _added_paths[:] = [directory]
    sys.path.insert(0, directory)
    importlib.invalidate_caches()


def _forget_earlier_app(app_dir: Path, reimport: frozenset[str]) -> None:
    handle_event._functions._functions.clear()  # noqa: SLF001 — the library offers no other way
    handle_event._functions._deferred_bindings_enabled = False  # noqa: SLF001 — as above
    handle_event._metadata_result = None  # noqa: SLF001 — as above
    for name in list(_modules_to_forget(app_dir, reimport)):
        del sys.modules[name]


def _modules_to_forget(app_dir: Path, reimport: frozenset[str]) -> Iterator[str]:
    """Find the modules that would make a second indexing differ from one in a fresh process.

    An app object can be indexed once only. Other modules stay, so that a class is the same class for the
    app and for whoever runs the host, unless this app has another module of that name.
    """
    tops = {name.partition(".")[0] for name in sys.modules}
    forgotten = {APP_MODULE, *reimport, *(top for top in tops if _is_shadowed(top, app_dir))}
    return (name for name in sys.modules if name.partition(".")[0] in forgotten)


def _is_shadowed(top: str, app_dir: Path) -> bool:
    """Whether the app has a module of this name, and what is imported under it is another."""
    if not ((app_dir / top).is_dir() or (app_dir / f"{top}.py").is_file()):
        return False
    spec = getattr(sys.modules.get(top), "__spec__", None)
    places = [*(spec.submodule_search_locations or ()), spec.origin or ""] if spec else []
    return bool(places) and not any(place and _is_inside(place, app_dir) for place in places)


def _is_inside(place: str, directory: Path) -> bool:
    return Path(place).resolve().is_relative_to(directory.resolve())
