"""Publish the day's compressed model as a snapshot, and move the ref `candidate` to it.

On a branch it is the ref of the branch's name that moves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import BinaryIO

from jobs.context import DayContext, JobResult
from shark_core.config import NO_RESULTS
from shark_core.errors import DataError
from shark_core.evaluation.result import FILE_NAME as EVALUATION_FILE
from shark_core.evaluation.result import Evaluation
from shark_core.lake import FileEntry, Marker, partition
from shark_core.publish.catalog import CANDIDATE, Catalog
from shark_core.publish.lake_store import store_for
from shark_core.publish.manifest import Manifest, snapshot_id
from shark_core.publish.publication import (
    describe_files,
    publish_snapshot,
    snapshot_files,
)
from shark_core.publish.stored_table import stored_tables
from shark_core.publish.table_sizes import compressed_sizes
from shark_core.publish.written import Written
from shark_core.schemas import COMPRESSED, EVALUATION, PUBLICATION
from shark_core.version import code_version

FILE_NAME = "publication.json"


def publish(context: DayContext) -> JobResult:
    """Safe to repeat: the same content is the same snapshot, and one promotion moves a ref once."""
    catalog = Catalog(store_for(context.config), context.config.name)
    compressed = context.marker(COMPRESSED)
    files = snapshot_files(context.partition(COMPRESSED).path, compressed.files)
    draft = _draft(context, compressed, files)
    policy = context.config.release
    snapshot = publish_snapshot(catalog, draft, lambda name: _open(context, files[name]), policy)
    promotion_id = f"{context.config.name}-{context.day}-{snapshot.snapshot_id}"
    ref = context.branch or CANDIDATE
    head = catalog.advance(ref, snapshot, promotion_id)
    written = Written.of(draft, snapshot)
    _record(context, snapshot, written)
    figures = {
        "snapshot": snapshot.snapshot_id,
        ref: head.snapshot_id,
        "files": len(snapshot.files),
        "bytes_written": written.bytes,
        "bytes_whole": written.bytes_whole,
        "tables_as_changes": written.tables_as_changes,
        "failed_gates": snapshot.failed_gates,
    }
    return JobResult(f"snapshot {snapshot.snapshot_id} of {context.day}", figures)


def _draft(context: DayContext, compressed: Marker, files: dict[str, FileEntry]) -> Manifest:
    config, evaluated = context.config, context.marker(EVALUATION)
    _require_evaluation_of(context, compressed, evaluated)
    inputs = {"compressed": compressed.fingerprint, "evaluation": evaluated.fingerprint}
    sizes = compressed_sizes(config, compressed)
    content = context.lake.read_file(context.partition(EVALUATION), EVALUATION_FILE)
    evaluation = Evaluation.from_json(content)
    tables = stored_tables(compressed)
    kept = {table.field for table in tables}
    return Manifest(
        snapshot_id=snapshot_id(
            config.name, context.interval, config.config_hash, code_version(), inputs
        ),
        model=config.name,
        start=context.interval.start,
        end=context.interval.end,
        parent=_parent(context),
        attempt="",
        code_version=code_version(),
        config_hash=config.config_hash,
        inputs=inputs,
        config=config.model_dump(mode="json", exclude=NO_RESULTS),
        tables=tables,
        pruned=tuple(field.name for field in config.fields if field.name not in kept),
        files=describe_files(files),
        metrics={**evaluation.figures, **sizes.figures},
        gates={gate.name: gate.passed for gate in evaluation.gates},
    )


def _require_evaluation_of(context: DayContext, compressed: Marker, evaluated: Marker) -> None:
    """The gates that travel with a snapshot must be about these very tables."""
    if evaluated.inputs.get("compressed") != compressed.fingerprint:
        raise DataError(
            "the evaluation is older than the compressed model",
            expected=f"an evaluation of compressed {compressed.fingerprint}",
            found=f"one of compressed {evaluated.inputs.get('compressed')}",
            where=context.lake.location(context.partition(EVALUATION).path),
            remedy="run `python -m jobs evaluate` for this day again",
        )


def _parent(context: DayContext) -> str | None:
    """The snapshot of the day before, where it was published."""
    before = partition(PUBLICATION, context.day - timedelta(days=1))
    found = context.lake.find_marker(before)
    return str(found.facts["snapshot_id"]) if found else None


@contextmanager
def _open(context: DayContext, entry: FileEntry) -> Iterator[BinaryIO]:
    lake = context.lake
    with lake.reading(entry.path):
        source: BinaryIO = lake.filesystem.open_input_file(lake.absolute(entry.path))
        with source:
            yield source


def _record(context: DayContext, snapshot: Manifest, written: Written) -> None:
    """Which snapshot the day became, for the report and for release."""
    document = {
        "snapshot_id": snapshot.snapshot_id,
        "model": snapshot.model,
        "written": asdict(written),
    }
    with context.writer(PUBLICATION) as writer:
        writer.write_bytes(FILE_NAME, json.dumps(document, sort_keys=True).encode())
        writer.commit(snapshot.inputs, document)
