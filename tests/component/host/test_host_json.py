import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.host.host_json import HostJson, MessageEncoding, QueueSettings, read_host_json


def written(directory: Path, document: object) -> Path:
    (directory / "host.json").write_text(json.dumps(document))
    return directory


def test_without_the_file_azures_defaults_hold(tmp_path: Path) -> None:
    assert read_host_json(tmp_path) == HostJson()


def test_every_key_is_read(tmp_path: Path) -> None:
    queues = {
        "batchSize": 32,
        "newBatchThreshold": 4,
        "visibilityTimeout": "00:00:30",
        "maxDequeueCount": 7,
        "maxPollingInterval": "1.00:00:02.5",
        "messageEncoding": "None",
    }
    document = {
        "version": "2.0",
        "functionTimeout": "00:10:00",
        "extensions": {"http": {"routePrefix": ""}, "queues": queues},
    }

    assert read_host_json(written(tmp_path, document)) == HostJson(
        queues=QueueSettings(
            batch_size=32,
            new_batch_threshold=4,
            visibility_timeout=timedelta(seconds=30),
            max_dequeue_count=7,
            max_polling_interval=timedelta(days=1, seconds=2.5),
            message_encoding=MessageEncoding.NONE,
        ),
        route_prefix="",
        function_timeout=timedelta(minutes=10),
    )


def test_the_threshold_follows_the_batch_size(tmp_path: Path) -> None:
    document = {"version": "2.0", "extensions": {"queues": {"batchSize": 10}}}

    assert read_host_json(written(tmp_path, document)).queues.new_batch_threshold == 5


def test_a_setting_stands_above_the_file(tmp_path: Path) -> None:
    document = {"version": "2.0", "functionTimeout": "00:10:00", "extensions": {"queues": {"batchSize": 10}}}
    settings = {
        "AzureFunctionsJobHost__functionTimeout": "00:00:05",
        "AZUREFUNCTIONSJOBHOST__EXTENSIONS__QUEUES__BATCHSIZE": "3",
        "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
        "AzureWebJobsStorage": "elsewhere",
    }

    read = read_host_json(written(tmp_path, document), settings)

    assert read.function_timeout == timedelta(seconds=5)
    assert (read.queues.batch_size, read.queues.visibility_timeout) == (3, timedelta(seconds=1))


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({}, "version is None"),
        ({"version": "2.0", "functionTimeout": "soon"}, "functionTimeout is 'soon': write hh:mm:ss"),
        ({"version": "2.0", "extensions": {"queues": {"batchSize": 33}}}, "batchSize is 33: write 1 to 32"),
        ({"version": "2.0", "extensions": {"queues": {"maxDequeueCount": "5"}}}, "maxDequeueCount is '5'"),
        ({"version": "2.0", "extensions": {"queues": {"messageEncoding": "gzip"}}}, "'gzip'"),
    ],
)
def test_a_wrong_value_names_file_key_and_value(document: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        read_host_json(written(tmp_path, document))

    assert str(tmp_path / "host.json") in str(refused.value)
