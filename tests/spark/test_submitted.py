"""A job that `spark-submit` has started: where it runs is what was submitted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shark_core.java import java_home

pytestmark = pytest.mark.spark

REPOSITORY = Path(__file__).parents[2]
PROGRAM = """\
from shark_core.config_sections import Spark
from shark_core.spark.context import spark_context

context = spark_context(Spark(master="local[2]", settings={"spark.mine": "kept"}), "test")
told = context.getConf()
print(context.master, context.appName, told.get("spark.mine"), told.get("spark.locality.wait"))
print(context.parallelize(range(10), 2).sum())
"""


def test_what_was_submitted_wins_over_the_config(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    submit = Path(sys.executable).with_name("spark-submit")
    options = ["--master", "local[1]", "--conf", "spark.locality.wait=7s"]
    environment = {
        **os.environ,
        "JAVA_HOME": java_home(),
        "PYTHONPATH": str(REPOSITORY),
        "PYSPARK_PYTHON": sys.executable,
    }
    done = subprocess.run(
        [submit, *options, program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["local[1] shark test kept 7s", "45"]
