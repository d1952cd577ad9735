from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.context import DayContext
from jobs.count_accesses import count_accesses
from jobs.ingest import ingest
from jobs.update_priorities import update_priorities
from shark_core.errors import DataError
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES, ROW_PRIORITY
from tests.traffic.day_lake import (
    DAY,
    context_of,
    fingerprints,
    next_day,
    records,
    with_values,
    write_traffic,
)

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]

FIELDS = ["user", "ad", "site", "tags", "topics"]


def ingested(lake: Path, days: int = 1, **changes: object) -> list[DayContext]:
    contexts = [context_of(lake, next_day(DAY, number), **changes) for number in range(days)]
    for context in contexts:
        table = records(240, day=context.day)
        write_traffic(lake, table, day=context.day, row_group_size=70)
        ingest(context)
    return contexts


def without(context: DayContext, name: str) -> dict[str, object]:
    return {"fields": [f.model_dump() for f in context.config.fields if f.name != name]}


def literal(table: pa.Table) -> list[tuple[float, ...]]:
    return list(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))


def counts_of(context: DayContext, name: str) -> pa.Table:
    return context.lake.read_table(context.partition(ACCESS_COUNTS, field=name))


def priorities_of(context: DayContext, name: str) -> pa.Table:
    return context.lake.read_table(context.partition(ROW_PRIORITY, field=name))


def counted_by_hand(context: DayContext, name: str) -> list[tuple[int, int, int]]:
    examples = context.lake.read_table(context.partition(EXAMPLES)).to_pylist()
    found: Counter[tuple[int, int]] = Counter()
    for example in examples:
        rows = example[f"field_{name}"]
        found.update(
            (row, example["label"]) for row in (rows if isinstance(rows, list) else [rows])
        )
    return [(row, found[row, 1], found[row, 0]) for row in sorted({row for row, _ in found})]


@pytest.mark.parametrize("name", FIELDS)
def test_counts_equal_counting_by_hand(tmp_path: Path, name: str) -> None:
    (context,) = ingested(tmp_path)
    count_accesses(context)
    expected = counted_by_hand(context, name)
    assert literal(counts_of(context, name)) == expected
    facts = context.marker(ACCESS_COUNTS, field=name).facts
    assert facts["positives"] == sum(positives for _, positives, _ in expected)
    assert facts["negatives"] == sum(negatives for _, _, negatives in expected)


def test_priorities_follow_the_recurrence_over_days(tmp_path: Path) -> None:
    days = ingested(tmp_path, days=3)
    expected: dict[int, float] = {}
    for context in days:
        count_accesses(context)
        update_priorities(context)
        today = {row: 2.0 * pos + neg for row, pos, neg in literal(counts_of(context, "tags"))}
        rows = sorted({*expected, *today})
        expected = {row: 0.8 * expected.get(row, 0.0) + 0.2 * today.get(row, 0.0) for row in rows}
        found = dict(literal(priorities_of(context, "tags")))
        assert list(found) == rows
        assert found == pytest.approx(expected, rel=1e-12)


def test_repeating_the_jobs_gives_the_same_bytes(tmp_path: Path) -> None:
    (context,) = ingested(tmp_path)
    seen = []
    for _ in range(2):
        count_accesses(context)
        update_priorities(context)
        seen.append(fingerprints(tmp_path))
    assert seen[0] == seen[1]
    assert sum(name.startswith("row_priority") for name in seen[0]) == len(FIELDS)


def test_a_gap_is_refused_with_the_day_to_run_first(tmp_path: Path) -> None:
    first, second, third = ingested(tmp_path, days=3)
    for context in (first, second, third):
        count_accesses(context)
    update_priorities(first)
    with pytest.raises(DataError, match=rf"(?s)have a gap.*for {second.day} and every day after"):
        update_priorities(third)
    assert not any(str(third.day) in name for name in fingerprints(tmp_path) if "row_p" in name)


def test_a_new_field_starts_from_zero_beside_the_others(tmp_path: Path) -> None:
    first, second = ingested(tmp_path, days=2)
    young = context_of(tmp_path, **without(first, "ad"))
    for context in (young, second):
        count_accesses(context)
        result = update_priorities(context)
    assert result.figures["fields_from_zero"] == 1
    rows = literal(counts_of(second, "ad"))
    expected = {row: 0.2 * (2.0 * positives + negatives) for row, positives, negatives in rows}
    assert dict(literal(priorities_of(second, "ad"))) == pytest.approx(expected)


def test_a_field_that_comes_back_starts_from_zero_again(tmp_path: Path) -> None:
    first, second, third = ingested(tmp_path, days=3)
    for context in (first, context_of(tmp_path, second.day, **without(second, "ad")), third):
        count_accesses(context)
        result = update_priorities(context)
    assert result.figures["fields_from_zero"] == 1


def test_partitions_of_a_field_that_left_the_config_disturb_nothing(tmp_path: Path) -> None:
    first, second = ingested(tmp_path, days=2)
    count_accesses(first)
    update_priorities(first)
    left = context_of(tmp_path, second.day, **without(second, "site"))
    count_accesses(left)
    assert update_priorities(left).figures["fields"] == len(FIELDS) - 1


def test_counts_of_earlier_examples_are_refused(tmp_path: Path) -> None:
    (context,) = ingested(tmp_path)
    count_accesses(context)
    write_traffic(tmp_path, with_values(records(240), "ad", {0: "another"}))
    ingest(context)
    with pytest.raises(DataError, match=r"(?s)older than the day's examples.*count-accesses"):
        update_priorities(context)


def test_without_examples_there_is_nothing_to_count(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="ingest"):
        count_accesses(context_of(tmp_path))


def test_examples_of_a_larger_table_are_refused(tmp_path: Path) -> None:
    (context,) = ingested(tmp_path)
    fields = [field.model_dump() for field in context.config.fields]
    fields[0]["num_embeddings"] = 10
    with pytest.raises(DataError, match=r"(?s)field 'user'.*ingest"):
        count_accesses(context_of(tmp_path, fields=fields))
    assert not any(name.startswith("access_counts") for name in fingerprints(tmp_path))


def test_examples_without_the_fields_column_are_refused(tmp_path: Path) -> None:
    (context,) = ingested(tmp_path)
    fields = [field.model_dump() for field in context.config.fields]
    fields.append({"name": "new", "encoding": "hash", "num_embeddings": 10})
    with pytest.raises(DataError, match="no such column"):
        count_accesses(context_of(tmp_path, fields=fields))
