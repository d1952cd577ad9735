from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark import SparkContext

from jobs.ingest import ingest
from shark_core.lake import partition
from shark_core.schemas import (
    EXAMPLES,
    QUARANTINE,
    VOCABULARY,
    examples_schema,
)
from shark_core.traffic.ingest_tasks import IngestPlan, ingest_split
from shark_core.traffic.traffic_files import Split
from shark_core.traffic.vocabulary_store import field_encoder

from .day_lake import (
    DAY,
    LENIENT,
    context_of,
    data_files,
    fingerprints,
    records,
    table_of,
    with_values,
    write_traffic,
)

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]


def test_examples_hold_every_record_in_its_order_as_serving_encodes_it(tmp_path: Path) -> None:
    parts = [records(300, seed=seed) for seed in (1, 2)]
    for number, part in enumerate(parts):
        write_traffic(tmp_path, part, name=f"part-{number}.parquet", row_group_size=100)
    context = context_of(tmp_path)
    ingest(context)
    found, traffic = table_of(context, EXAMPLES), pa.concat_tables(parts)
    assert found.schema == examples_schema(context.config)
    assert found["label"].to_pylist() == traffic["clicked"].to_pylist()
    assert found["event_time"].to_pylist() == traffic["served_at"].to_pylist()
    for field in context.config.fields:
        encoder = field_encoder(context.lake, field, DAY)
        expected = encoder.encode(traffic[field.column].combine_chunks())
        assert found[f"field_{field.name}"].to_pylist() == expected.to_pylist()


def test_bad_records_go_to_quarantine_with_their_reason(tmp_path: Path) -> None:
    table = with_values(records(200), "clicked", {7: None})
    table = with_values(with_values(table, "user", {8: 50, 9: -1}), "price", {9: None})
    write_traffic(tmp_path, table, row_group_size=50)
    context = context_of(tmp_path, **LENIENT)
    result = ingest(context)
    facts = {"label_missing": 1, "dense_missing": 1, "id_out_of_range": 1}
    marker = context.marker(EXAMPLES)
    assignments = {field.name: field.row_assignment for field in context.config.fields}
    figures = {"records": 200, "examples": 197, "positives": 66, "quarantined": facts}
    assert marker.facts == {**figures, "row_assignments": assignments}
    assert marker.rows == result.figures["examples"] == 197
    rows = table_of(context, QUARANTINE).to_pylist()
    assert [(row["source_row"], row["reason"]) for row in rows] == [
        (7, "label_missing"),
        (8, "id_out_of_range"),
        (9, "dense_missing"),
    ]
    assert {row["source_file"] for row in rows} == {f"traffic/ds={DAY}/part-0.parquet"}
    assert json.loads(rows[1]["record"])["user"] == 50
    assert "not_read" not in json.loads(rows[1]["record"])


def test_a_dense_feature_that_is_no_number_sends_its_record_to_quarantine(tmp_path: Path) -> None:
    write_traffic(tmp_path, with_values(records(200), "price", {4: float("nan")}))
    context = context_of(tmp_path, **LENIENT)
    ingest(context)
    assert context.marker(EXAMPLES).facts["quarantined"] == {"dense_not_finite": 1}
    (row,) = table_of(context, QUARANTINE).to_pylist()
    assert (row["source_row"], row["reason"]) == (4, "dense_not_finite")


def test_a_refused_record_is_found_again_by_its_row_whatever_the_split(tmp_path: Path) -> None:
    table = with_values(records(200), "user", {3: 99, 120: 99, 199: 99})
    path = write_traffic(tmp_path, table, row_group_size=50).relative_to(tmp_path).as_posix()
    fields = [{"name": "user", "encoding": "identity", "num_embeddings": 50}]
    context = context_of(tmp_path, fields=fields)
    examples, quarantine = context.writer(EXAMPLES), context.writer(QUARANTINE)
    plan = IngestPlan(
        context.lake, context.config, context.interval, examples.files, quarantine.files, {}
    )
    outcome = ingest_split(plan, Split(1, path, row_groups=(2, 3), first_row=100, rows=40))
    assert outcome.examples is not None
    assert outcome.quarantine is not None
    assert outcome.examples.rows == 98
    refused = context.lake.read_parquet(outcome.quarantine.path)
    assert refused["source_row"].to_pylist() == [120, 199]


def test_a_day_without_bad_records_has_an_empty_quarantine(tmp_path: Path) -> None:
    write_traffic(tmp_path, records(50))
    context = context_of(tmp_path)
    ingest(context)
    assert table_of(context, QUARANTINE).num_rows == 0


def test_the_same_traffic_gives_the_same_bytes(tmp_path: Path) -> None:
    table = with_values(records(400), "user", {1: 99})
    for lake in ("once", "twice", "twice"):
        write_traffic(tmp_path / lake, table, row_group_size=90)
        ingest(context_of(tmp_path / lake))
    assert fingerprints(tmp_path / "once") == fingerprints(tmp_path / "twice")
    for dataset in ("examples", "quarantine", "vocabulary", "pending_values"):
        files = data_files(tmp_path / "twice", dataset)
        assert len(files) == len(data_files(tmp_path / "once", dataset)) > 0


def test_inputs_name_what_the_examples_were_made_of(tmp_path: Path, spark: SparkContext) -> None:
    write_traffic(tmp_path, records(50))
    context = context_of(tmp_path)
    ingest(context)
    names = {"traffic", "vocabulary/site", "vocabulary/topics"}
    inputs = context.lake.marker(partition(EXAMPLES, DAY)).inputs
    assert set(inputs) == names
    site = context.marker(VOCABULARY, field="site")
    assert inputs["vocabulary/site"] == site.fingerprint
    assert site.facts["known"] == site.facts["admitted"] == site.rows
