from pathlib import Path

import pytest

from local.host import FunctionsHost, IndexingError
from local.host.bindings import AuthLevel, EventGridTrigger, HttpTrigger, QueueOutput, QueueTrigger, TimerTrigger
from tests.component.host.world import World, write_app

HEAD = "import typing\nimport azure.functions as func\napp = func.FunctionApp()\n"
QUEUE_TRIGGER = '@app.queue_trigger(arg_name="message", queue_name="work", connection="S")\n'


@pytest.mark.parametrize(
    ("source", "words"),
    [
        pytest.param(
            QUEUE_TRIGGER + "def on_work(msg: func.QueueMessage) -> None: ...",
            "cannot load the on_work function: the following parameters are declared in Python but not in the",
            id="an argument name that differs from the binding's",
        ),
        pytest.param(
            QUEUE_TRIGGER + "def on_work(message: func.HttpRequest) -> None: ...",
            "do not match the corresponding function parameter's Python type annotation HttpRequest",
            id="another trigger's annotation",
        ),
        pytest.param(
            QUEUE_TRIGGER
            + '@app.queue_output(arg_name="more", queue_name="more", connection="S")\n'
            + "def on_work(message: func.QueueMessage, more: str) -> None: ...",
            'binding more is declared to have the "out" direction',
            id="an output that is not an Out",
        ),
        pytest.param(
            QUEUE_TRIGGER + "def on_work(message: 'Unknown') -> None: ...",
            "name 'Unknown' is not defined",
            id="an annotation that cannot be resolved at run time",
        ),
        pytest.param(
            QUEUE_TRIGGER
            + "def on_work(message: func.QueueMessage) -> None: ...\n"
            + QUEUE_TRIGGER
            + "def on_work(message: func.QueueMessage) -> None: ...",
            "Function on_work does not have a unique function name",
            id="two functions of one name",
        ),
        pytest.param("import not_in_requirements", "Cannot find module", id="an import that fails"),
        pytest.param("app = None", "Could not find top level function app instances", id="no app"),
    ],
)
async def test_an_app_that_azure_refuses_is_refused_in_azures_words(source: str, words: str, tmp_path: Path) -> None:
    app = write_app(tmp_path, HEAD + source)

    with pytest.raises(IndexingError) as refused:
        await FunctionsHost.index(app, {})

    assert words in str(refused.value)


async def test_a_directory_without_an_app_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexingError, match=f"no function_app.py in {tmp_path}"):
        await FunctionsHost.index(tmp_path, {})


async def test_a_placeholder_without_a_setting_is_named(app_dir: Path) -> None:
    with pytest.raises(IndexingError, match=r"on_event: '%WORK_QUEUE%' does not resolve to a value"):
        await FunctionsHost.index(app_dir, {"SCHEDULE": "0 0 * * * *"})


async def test_index_lists_every_function_with_its_bindings(app_dir: Path, world: World) -> None:
    functions = {function.name: function for function in await FunctionsHost.index(app_dir, world.settings)}

    things = HttpTrigger("req", "things/{name}/{number:int?}", frozenset({"GET", "PUT"}), AuthLevel.ANONYMOUS)
    assert functions["things"].trigger == things
    assert functions["keyed"].trigger == HttpTrigger("req", "keyed", frozenset({"GET"}), AuthLevel.FUNCTION)
    assert functions["on_event"].trigger == EventGridTrigger("event")
    assert functions["on_event"].queue_outputs == (QueueOutput("work", "work", "WorkStorage"),)
    assert functions["on_work"].trigger == QueueTrigger("message", "work", "WorkStorage")
    assert functions["tick"].trigger == TimerTrigger("timer", "0 0 3 * * *", run_on_startup=False)


async def test_apps_indexed_one_after_another_do_not_mix(tmp_path: Path, app_dir: Path, world: World) -> None:
    (tmp_path / "app" / "parts.py").write_text("WHICH = 'first'")
    other = write_app(
        tmp_path / "other",
        HEAD + "from parts import only\n@app.route()\n" + "def third(req: func.HttpRequest) -> str: return only\n",
    )
    (other / "parts.py").write_text("only = 'second'")

    first = await FunctionsHost.index(app_dir, world.settings)
    second = await FunctionsHost.index(other, world.settings)
    again = await FunctionsHost.index(app_dir, world.settings)

    assert [function.name for function in second] == ["third"]
    assert again == first


async def test_a_second_host_in_one_process_is_refused(app_dir: Path, world: World) -> None:
    async with FunctionsHost.start(app_dir, world.settings):
        with pytest.raises(RuntimeError, match="start another one as a HostProcess"):
            async with FunctionsHost.start(app_dir, world.settings):
                pass
