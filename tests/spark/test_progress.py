from __future__ import annotations

import io
import logging
import sys

import pytest
from pyspark import SparkContext

from shark_core.spark import progress
from shark_core.spark.progress import Stage, progress_line, showing
from shark_core.spark.tasks import run_tasks


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_line_of_a_log_says_how_much_and_how_fast() -> None:
    line = progress_line(Stage("count", "examples"), 12_200_000, 20_000_000, seconds=2.0)
    assert line == "count: 12.2M of 20.0M examples, 6.10M examples/s"


def test_a_terminal_shows_the_stage_and_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with showing(Stage("count", "examples"), 500.0, lambda: 500.0):
        pass
    last = terminal.getvalue().split("\r")[-1]
    assert last.startswith("count: 100%")
    assert "500/500" in last
    assert "examples/s" in last


def test_without_a_terminal_a_line_is_logged_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.0)
    monkeypatch.setattr(progress, "REFRESH_SECONDS", 0.001)
    monkeypatch.setattr(sys, "stderr", stderr := io.StringIO())
    caplog.set_level(logging.INFO, logger="shark")
    asked: list[int] = []

    def done() -> float:
        asked.append(1)
        return 10.0

    with showing(Stage("ingest", "records"), 20.0, done):
        while len(asked) < 5:
            pass
    assert caplog.messages[0].startswith("ingest: 10.0 of 20.0 records, ")
    assert "%|" not in stderr.getvalue()


@pytest.mark.spark
def test_tasks_count_by_their_size_once_they_are_done(
    spark: SparkContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    run_tasks(spark, [1, 2, 3], str, Stage("count", "examples", sizes=[100, 20, 3]))
    assert "123/123" in terminal.getvalue().split("\r")[-1]
