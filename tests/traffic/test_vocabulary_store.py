from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from shark_core.errors import DataError
from shark_core.lake import Lake
from shark_core.schemas import VOCABULARY, VOCABULARY_SCHEMA
from shark_core.traffic.vocabulary_store import (
    PastVocabulary,
    vocabulary_for_the_past,
    vocabulary_until,
)

from .day_lake import DAY, commit, context_of, next_day, tiny_config

SITE = tiny_config().field("site")
DAYS = [next_day(DAY, number) for number in range(6)]


def admit(folder: Path, number: int, *values: str) -> None:
    table = pa.table([values, range(1, len(values) + 1)], schema=VOCABULARY_SCHEMA)
    commit(context_of(folder, DAYS[number]), VOCABULARY, table, field="site")


def past(folder: Path, number: int) -> PastVocabulary:
    lake = Lake(str(folder))
    return vocabulary_for_the_past(
        lake, SITE, vocabulary_until(lake, "site", DAYS[number]), DAYS[number]
    )


def days_of(vocabulary: PastVocabulary) -> list[str]:
    return [path.split("/")[1].removeprefix("ds=") for path in vocabulary.paths]


def test_the_past_is_read_by_the_first_vocabulary_after_it(tmp_path: Path) -> None:
    admit(tmp_path, 2, "a", "b")
    admit(tmp_path, 4, "c")
    first, both = [str(DAYS[2])], [str(DAYS[2]), str(DAYS[4])]
    assert [days_of(past(tmp_path, number)) for number in range(5)] == [first] * 3 + [both] * 2


def test_what_a_field_that_was_given_up_knew_last_reads_the_days_after_it(tmp_path: Path) -> None:
    admit(tmp_path, 1, "a")
    admit(tmp_path, 2, "b")
    assert days_of(past(tmp_path, 5)) == [str(DAYS[1]), str(DAYS[2])]


def test_the_vocabulary_of_a_later_day_gives_an_earlier_one_the_same(tmp_path: Path) -> None:
    for number in (1, 3, 5):
        admit(tmp_path, number, f"value {number}")
    lake = Lake(str(tmp_path))
    markers = vocabulary_until(lake, "site", DAYS[5])
    for number in range(6):
        found = vocabulary_for_the_past(lake, SITE, markers, DAYS[number])
        assert found == past(tmp_path, number)


def test_a_vocabulary_with_other_values_has_another_fingerprint(tmp_path: Path) -> None:
    admit(tmp_path, 2, "a")
    before = past(tmp_path, 0).fingerprint
    admit(tmp_path, 4, "c")
    assert past(tmp_path, 0).fingerprint == before
    admit(tmp_path, 2, "b")
    assert past(tmp_path, 0).fingerprint != before


def test_without_any_vocabulary_values_have_no_rows(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)'site' has no vocabulary yet.*first day"):
        past(tmp_path, 0)
