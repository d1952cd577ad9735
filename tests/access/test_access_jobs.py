from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.context import DayContext
from jobs.count_accesses import count_accesses
from jobs.ingest import ingest
from shark_core.errors import DataError
from shark_core.schemas import ACCESS_COUNTS, EXAMPLES
from tests.traffic.day_lake import (
    DAY,
    context_of,
    fingerprints,
    next_day,
    records,
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


def literal(table: pa.Table) -> list[tuple[float, ...]]:
    return list(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))


def counts_of(context: DayContext, name: str) -> pa.Table:
    return context.lake.read_table(context.partition(ACCESS_COUNTS, field=name))


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


def test_repeating_the_job_gives_the_same_bytes(tmp_path: Path) -> None:
    (context,) = ingested(tmp_path)
    seen = []
    for _ in range(2):
        count_accesses(context)
        seen.append(fingerprints(tmp_path))
    assert seen[0] == seen[1]
    assert sum(name.startswith("access_counts") for name in seen[0]) == len(FIELDS)


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


def test_examples_of_another_table_are_not_counted(tmp_path: Path) -> None:
    (context,) = ingested(tmp_path)
    fields = [field.model_dump() for field in context.config.fields]
    larger = [f | {"num_embeddings": 203} if f["name"] == "ad" else f for f in fields]
    with pytest.raises(DataError, match=r"(?s)field 'ad'.*hash into 203.*hash into 101.*ingest"):
        count_accesses(context_of(tmp_path, fields=larger))
