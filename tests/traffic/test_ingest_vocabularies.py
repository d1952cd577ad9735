"""Vocabularies over several days of ingest."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from jobs.context import DayContext
from jobs.ingest import ingest
from shark_core.lake import Lake
from shark_core.schemas import (
    EXAMPLES,
    PENDING_VALUES,
    VOCABULARY,
)
from shark_core.traffic.vocabulary_store import field_encoder

from .day_lake import (
    DAY,
    LENIENT,
    context_of,
    fingerprints,
    next_day,
    records,
    refusal,
    table_of,
    with_values,
    write_traffic,
)

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]


def vocabulary(context: DayContext, name: str) -> dict[str, int]:
    table = table_of(context, VOCABULARY, field=name)
    return dict(zip(table["value"].to_pylist(), table["row_id"].to_pylist(), strict=True))


def test_vocabularies_grow_and_never_change(tmp_path: Path) -> None:
    found = []
    for number in range(3):
        context = context_of(tmp_path, next_day(DAY, number))
        write_traffic(tmp_path, records(150, day=context.day, seed=number), day=context.day)
        ingest(context)
        found.append(vocabulary(context, "site"))
    ids = [row for day in found for row in day.values()]
    assert ids == list(range(1, len(ids) + 1))
    assert len({value for day in found for value in day}) == len(ids)


def test_pending_counts_go_on_the_next_day(tmp_path: Path) -> None:
    days = [context_of(tmp_path), context_of(tmp_path, next_day(DAY))]
    for context in days:
        table = records(60, day=context.day)
        sites = dict.fromkeys(range(60), "common") | {5: "rare"}
        write_traffic(tmp_path, with_values(table, "site", sites), day=context.day)
        ingest(context)
    assert vocabulary(days[0], "site") == {"common": 1}
    assert table_of(days[0], PENDING_VALUES, field="site").to_pylist() == [
        {"value": "rare", "count": 1}
    ]
    assert vocabulary(days[1], "site") == {"rare": 2}
    rows = Counter(table_of(days[0], EXAMPLES)["field_site"].to_pylist())
    assert rows == {1: 59, 0: 1}


def test_what_is_in_quarantine_is_not_in_the_vocabulary(tmp_path: Path) -> None:
    table = with_values(records(50), "site", {3: "bad", 4: "bad"})
    write_traffic(tmp_path, with_values(table, "user", {3: 99, 4: 99}))
    context = context_of(tmp_path, **LENIENT)
    ingest(context)
    pending = table_of(context, PENDING_VALUES, field="site")["value"].to_pylist()
    assert "bad" not in pending
    assert "bad" not in vocabulary(context, "site")


def test_a_day_that_later_days_build_on_may_be_repeated_but_not_changed(tmp_path: Path) -> None:
    first, second = context_of(tmp_path), context_of(tmp_path, next_day(DAY))
    for context in (first, second):
        write_traffic(tmp_path, records(100, day=context.day), day=context.day)
        ingest(context)
    before = fingerprints(tmp_path)
    ingest(first)
    assert fingerprints(tmp_path) == before
    write_traffic(tmp_path, with_values(records(100), "site", dict.fromkeys(range(9), "new")))
    assert "later days build on" in refusal(first)
    assert {**fingerprints(tmp_path)}[f"vocabulary/ds={DAY}/field=site"] == before[
        f"vocabulary/ds={DAY}/field=site"
    ]


def test_a_table_smaller_than_its_vocabulary_is_refused(tmp_path: Path) -> None:
    write_traffic(tmp_path, records(100))
    ingest(context_of(tmp_path))
    second = next_day(DAY)
    write_traffic(tmp_path, records(100, day=second), day=second)
    context = context_of(tmp_path, second)
    fields = [field.model_dump() for field in context.config.fields]
    fields[2]["num_embeddings"] = 2
    assert "larger than its table" in refusal(context_of(tmp_path, second, fields=fields))


def test_a_field_that_left_the_config_and_returns_keeps_its_rows(tmp_path: Path) -> None:
    days = [next_day(DAY, number) for number in range(3)]
    for number, day in enumerate(days):
        write_traffic(tmp_path, records(100, day=day), day=day)
        context = context_of(tmp_path, day)
        if number == 1:
            fields = [f.model_dump() for f in context.config.fields if f.name != "site"]
            context = context_of(tmp_path, day, fields=fields)
        ingest(context)
    known = field_encoder(Lake(str(tmp_path)), context.config.field("site"), days[1]).vocabulary
    assert known is not None
    assert set(known.row_ids) == set(vocabulary(context_of(tmp_path), "site").values())
