"""What the whole suite shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.distribution import LIVE, ByLakeOrFile

if TYPE_CHECKING:
    from pyspark import SparkContext
    from xdist.remote import Producer

# How long an example takes depends on who else uses the machine: time is measured in benchmarks.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no process waits long for another in the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LIVE))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByLakeOrFile:
    return ByLakeOrFile(config, log)


@pytest.fixture(scope="session")
def spark() -> SparkContext:
    """The process's Spark context; jobs that run in this process use it too."""
    from shark_core.config_sections import Spark
    from shark_core.spark.context import spark_context

    return spark_context(Spark(master="local[2]", driver_memory="512m"), "tests")
