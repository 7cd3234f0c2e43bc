"""Microsoft's own worker library indexes the app that is deployed, in a fresh process, as Azure does at a start."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.stage import APP
from shared.api.operations import OPERATIONS

# What a worker does before the first event: import function_app and say which functions there are.
_INDEX = """
import asyncio, json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from local.host.worker_library import IndexingError, index_app
try:
    functions = asyncio.run(index_app(Path(sys.argv[1])))
except IndexingError as error:
    print(json.dumps({"refused": str(error)}))
else:
    found = {f.name: [json.loads(text) for text in f.raw_bindings] for f in functions}
    print(json.dumps({"functions": found}))
"""
_IMPORT = "import sys; sys.path.insert(0, sys.argv[1]); import function_app; print(*sorted(sys.modules))"
Bindings = list[dict[str, object]]
Indexed = dict[str, Any]


def indexed(app: Path, **settings: str) -> Indexed:
    """Give what Azure would know of an app: its ``functions``, or why it is ``refused``."""
    answer: Indexed = json.loads(printed(_INDEX, str(app), str(APP), **settings))
    return answer


def printed(script: str, *arguments: str, **settings: str) -> str:
    """Run a script in a process that has no setting of the app but these."""
    command = [sys.executable, "-P", "-c", script, *arguments]
    done = subprocess.run(
        command, env={"PATH": "/usr/bin:/bin", **settings}, capture_output=True, text=True, check=True
    )
    return done.stdout


def storage(direction: str, type_: str, name: str, queue: str) -> dict[str, object]:
    account = "AzureWebJobsStorage"
    return {"direction": direction, "type": type_, "name": name, "queueName": queue, "connection": account}


def takes(queue: str) -> Bindings:
    return [storage("IN", "queueTrigger", "message", queue)]


def at_sweeps() -> Bindings:
    schedule = "%DRAWBRIDGE_SWEEP_SCHEDULE%"
    return [{"direction": "IN", "type": "timerTrigger", "name": "timer", "schedule": schedule, "runOnStartup": False}]


def answers(method: str, route: str, level: str = "FUNCTION") -> Bindings:
    trigger = {"direction": "IN", "type": "httpTrigger", "name": "req", "methods": method.split(), "authLevel": level}
    return [{**trigger, "route": route}, {"direction": "OUT", "type": "http", "name": "$return"}]


_CACHE = "caches/{subscription}/{group}/{name}"
_ENDPOINT = _CACHE + "/endpoints/{placement}"
_LEADS_TO = [storage("OUT", "queue", "work", "reconcile"), storage("OUT", "queue", "looks", "sweep")]
FUNCTIONS: dict[str, Bindings] = {
    "on_event": [{"direction": "IN", "type": "eventGridTrigger", "name": "event"}, *_LEADS_TO],
    "on_queued_event": [*takes("events"), *_LEADS_TO],
    "events_poison": takes("events-poison"),
    "dead_letters": at_sweeps(),
    "reconcile": takes("reconcile"),
    "reconcile_poison": takes("reconcile-poison"),
    "sweep": at_sweeps(),
    "sweep_page": takes("sweep"),
    "sweep_poison": takes("sweep-poison"),
    "get_cache": answers("GET", _CACHE),
    "put_cache": answers("PUT", _CACHE),
    "delete_cache": answers("DELETE", _CACHE),
    "get_endpoint": answers("GET", _ENDPOINT),
    "put_endpoint": answers("PUT", _ENDPOINT),
    "delete_endpoint": answers("DELETE", _ENDPOINT),
    "list_caches": answers("GET", "caches"),
    "get_access": answers("GET", _CACHE + "/public-network-access"),
    "put_access": answers("PUT", _CACHE + "/public-network-access"),
    "get_exemption": answers("GET", _CACHE + "/exemption"),
    "put_exemption": answers("PUT", _CACHE + "/exemption"),
    "delete_exemption": answers("DELETE", _CACHE + "/exemption"),
    "get_history": answers("GET", _CACHE + "/history"),
    "list_subscriptions": answers("GET", "subscriptions"),
    "list_sweeps": answers("GET", "sweeps"),
    "post_sweep": answers("POST", "sweeps"),
    "get_sweep": answers("GET", "sweeps/{sweep}"),
    "get_connection": answers("GET", _CACHE + "/connections/{connection}"),
    "put_connection": answers("PUT", _CACHE + "/connections/{connection}"),
    "delete_connection": answers("DELETE", _CACHE + "/connections/{connection}"),
    "get_migration": answers("GET", "migrations/{subscription}/{group}/{name}"),
    "put_migration": answers("PUT", "migrations/{subscription}/{group}/{name}"),
    "get_network": answers("GET", "networks/{subscription}/{group}/{name}"),
    "put_network": answers("PUT", "networks/{subscription}/{group}/{name}"),
    "get_health": answers("GET", "health", "ANONYMOUS"),
    "get_openapi": answers("GET", "openapi.json"),
    "get_docs": answers("GET", "docs"),
    "get_dashboard": answers("GET", "dashboard", "ANONYMOUS"),
    "elsewhere": answers("DELETE GET HEAD OPTIONS PATCH POST PUT", "{*rest}"),
}


def by_name(bindings: Bindings) -> dict[object, dict[str, object]]:
    return {binding["name"]: binding for binding in bindings}


def test_every_function_is_there_with_its_triggers_and_bindings_and_no_other() -> None:
    found = {name: by_name(bindings) for name, bindings in indexed(APP)["functions"].items()}

    assert found == {name: by_name(bindings) for name, bindings in FUNCTIONS.items()}


def test_the_operations_of_the_api_are_served_as_they_are_documented() -> None:
    served = {name: found for name, found in FUNCTIONS.items() if found[0]["type"] == "httpTrigger"}
    told = {each.name: answers(each.method, each.path, "FUNCTION" if each.role else "ANONYMOUS") for each in OPERATIONS}

    assert served.pop("elsewhere")
    assert served == told


def test_where_callers_sign_in_functions_asks_for_no_key() -> None:
    found = indexed(APP, DRAWBRIDGE_SIGN_IN="entra")["functions"]

    levels = {name: bindings[0]["authLevel"] for name, bindings in found.items() if "authLevel" in bindings[0]}
    assert set(levels.values()) == {"ANONYMOUS"}
    assert set(levels) == {name for name, known in FUNCTIONS.items() if known[0]["type"] == "httpTrigger"}


def test_nothing_is_imported_before_an_event_needs_it() -> None:
    imported = printed(_IMPORT, str(APP)).split()
    azure = ("azure.core", "azure.data", "azure.identity", "azure.mgmt", "azure.monitor", "azure.storage")
    costly = ("aiohttp", "opentelemetry", "shared.dashboard", "yaml", *azure)

    assert "functions.worker" in imported
    assert [name for name in imported if name.startswith(costly)] == []


_BREAKS = [
    pytest.param("worker.py", "(message: func.QueueMessage)", "(note: func.QueueMessage)", "note", id="argument-name"),
    pytest.param(
        "worker.py", "(message: func.QueueMessage)", "(message: func.HttpRequest)", "message", id="annotation"
    ),
    pytest.param("events.py", "work: func.Out[List[str]]", "work: func.Out[list[str]]", "work", id="output-annotation"),
    pytest.param(
        "sweep.py", 'function_name("sweep_poison")', 'function_name("sweep_page")', "sweep_page", id="name-given-twice"
    ),
    pytest.param(
        "api/caches.py",
        "bp = func.Blueprint()",
        'raise LookupError("no such thing")',
        "no such thing",
        id="error-at-import",
    ),
    pytest.param(
        "api/caches.py",
        "from functions import composition",
        "from functions import decomposition",
        "decomposition",
        id="import",
    ),
    pytest.param("taking.py", "import QueueMessage\n", "import QueueMessages\n", "QueueMessages", id="imported-name"),
]


@pytest.mark.parametrize(("file", "right", "wrong", "said"), _BREAKS)
def test_a_mistake_that_would_hide_every_function_from_azure_is_refused(
    tmp_path: Path, file: str, right: str, wrong: str, said: str
) -> None:
    for name in ("functions", "shared"):
        shutil.copytree(APP / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("function_app.py", "host.json"):
        shutil.copy(APP / name, tmp_path)
    assert "functions" in indexed(tmp_path)

    source = tmp_path / "functions" / file
    before = source.read_text("utf-8")
    assert right in before
    source.write_text(before.replace(right, wrong, 1), "utf-8")

    assert said in indexed(tmp_path)["refused"]
