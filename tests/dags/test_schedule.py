"""schedule.toml: what the DAGs read of it, and what a mistake in it says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

pytestmark = pytest.mark.airflow


def test_another_file_can_stand_in(
    airflow_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shark_airflow.schedule import FILE, read_schedule

    other = tmp_path / "schedule.toml"
    other.write_text(FILE.read_text().replace("catchup = false", "catchup = true"))
    assert not read_schedule().daily_compression.catchup
    monkeypatch.setenv("SHARK_SCHEDULE", str(other))
    assert read_schedule().daily_compression.catchup


def test_no_run_is_scheduled_before_the_start(airflow_path: Path) -> None:
    from shark_airflow.schedule import read_schedule

    assert read_schedule().start_date == datetime(2022, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("catchup = false", "catch_up = false", "catch_up"),
        ("retries = 3", "", "retries"),
        ("[expire_snapshots]", "[expire]", "expire"),
    ],
)
def test_a_key_that_is_missing_or_unknown_is_told(
    airflow_path: Path, tmp_path: Path, old: str, new: str, found: str
) -> None:
    from shark_airflow.schedule import FILE, read_schedule

    path = tmp_path / "schedule.toml"
    path.write_text(FILE.read_text().replace(old, new))
    with pytest.raises(ValueError, match=found):
        read_schedule(path)
