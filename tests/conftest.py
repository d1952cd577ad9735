"""What the whole suite shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from pyspark import SparkContext

# How long an example takes depends on who else uses the machine: time is measured in benchmarks.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def spark() -> SparkContext:
    """The process's Spark context; jobs that run in this process use it too."""
    from shark_core.config_sections import Spark
    from shark_core.spark.context import spark_context

    return spark_context(Spark(master="local[2]", driver_memory="512m"), "tests")
