"""update-priorities when a field gets another table: its row ids then mean other values."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from jobs.count_accesses import count_accesses
from jobs.update_priorities import update_priorities
from shark_core.errors import DataError
from shark_core.schemas import ROW_PRIORITY
from tests.access.priority_days import (
    EXACT,
    bring,
    count_and_update,
    day,
    days_of,
    found,
    replayed,
)
from tests.traffic.day_lake import context_of, fingerprints

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]


def hashed_into(buckets: int) -> dict[str, Any]:
    """A config with a hashed field, and one whose row ids are its values."""
    table = {"encoding": "hash", "num_embeddings": buckets}
    user = {"name": "user", "encoding": "identity", "num_embeddings": 50}
    return {"fields": [{"name": "ad", **table}, user], **EXACT}


def test_a_table_with_more_buckets_starts_without_the_rows_of_the_old_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    count_and_update(bring(tmp_path, 1, **hashed_into(101)))
    second = bring(tmp_path, 2, **hashed_into(203))
    with caplog.at_level(logging.WARNING, "shark"):
        result = count_and_update(second)
    assert max(found(second, "ad")) > 101
    assert found(second, "ad") == pytest.approx(replayed(second, "ad", 203, first=2), rel=1e-9)
    assert found(second, "user") == pytest.approx(replayed(second, "user"), rel=1e-9)
    assert days_of(result) == {"other_table": 1}
    assert result.figures["fields_from_zero"] == 1
    told = f"field ad had another table when {day(1)} were counted; to take them, run `python -m"
    assert told in caplog.text
    assert "field user" not in caplog.text


def test_counts_of_the_old_table_are_in_no_ledger(tmp_path: Path) -> None:
    for number, buckets in enumerate([101, 203, 203], start=1):
        context = bring(tmp_path, number, **hashed_into(buckets))
        count_and_update(context)
        facts = context.marker(ROW_PRIORITY, field="ad").facts
        assert facts["row_assignment"] == f"hash into {buckets}"
    assert set(facts["applied"]) == {str(day(2)), str(day(3))}
    of_user = context.marker(ROW_PRIORITY, field="user").facts
    assert set(of_user["applied"]) == {str(day(number)) for number in (1, 2, 3)}


def test_days_that_are_ingested_and_counted_again_are_taken(tmp_path: Path) -> None:
    count_and_update(bring(tmp_path, 1, **hashed_into(101)))
    count_and_update(bring(tmp_path, 2, **hashed_into(203)))
    count_accesses(bring(tmp_path, 1, **hashed_into(203)))
    third = bring(tmp_path, 3, **hashed_into(203))
    assert days_of(count_and_update(third)) == {"late": 1}
    assert found(third, "ad") == pytest.approx(replayed(third, "ad", 203), rel=1e-9)


def test_a_table_that_is_changed_back_goes_on_from_its_own_state(tmp_path: Path) -> None:
    for number, buckets in enumerate([101, 203], start=1):
        count_and_update(bring(tmp_path, number, **hashed_into(buckets)))
    third = bring(tmp_path, 3, **hashed_into(101))
    result = count_and_update(third)
    assert (days_of(result), result.figures["fields_from_zero"]) == ({"other_table": 1}, 0)
    inputs = third.marker(ROW_PRIORITY, field="ad").inputs
    assert set(inputs) == {f"row_priority/ds={day(1)}", f"access_counts/ds={day(3)}"}


def test_the_days_own_counts_of_another_table_are_refused(tmp_path: Path) -> None:
    count_accesses(bring(tmp_path, 1, **hashed_into(101)))
    now = context_of(tmp_path, day(1), **hashed_into(203))
    with pytest.raises(DataError, match=r"(?s)another table.*hash into 203.*hash into 101.*ingest"):
        update_priorities(now)
    assert not any(name.startswith(ROW_PRIORITY.name) for name in fingerprints(tmp_path))
