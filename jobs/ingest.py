"""ingest: a day's traffic → examples, with what cannot be one in quarantine.

    traffic ─ inspect ─→ splits ─ count_split ─ admit_values ─→ vocabulary, pending_values
                            └──── ingest_split ───────────────→ examples, quarantine

Quarantine is written even where the day is then refused, so that a person can look at it; the
vocabularies and the examples of an earlier run stay as they were in that case. Examples come last:
a day whose examples have a marker is complete.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain

from pyspark import SparkContext

from jobs.context import DayContext, JobResult, log
from shark_core.config_sections import Field
from shark_core.lake import Marker
from shark_core.partition_writer import PartitionWriter
from shark_core.schemas import (
    EXAMPLES,
    PENDING_VALUES,
    QUARANTINE,
    QUARANTINE_SCHEMA,
    VOCABULARY,
)
from shark_core.spark.context import spark_context
from shark_core.spark.progress import Stage
from shark_core.spark.tasks import run_tasks
from shark_core.traffic.admission_tasks import (
    AdmissionPlan,
    AdmissionTask,
    Admitted,
    admit_values,
    count_split,
)
from shark_core.traffic.ingest_tasks import IngestPlan, SplitOutcome, ingest_split
from shark_core.traffic.tally import Tally, check_day, tally
from shark_core.traffic.traffic_files import (
    Split,
    TrafficFile,
    empty_day,
    fingerprint,
    inspect_file,
    plan_splits,
    traffic_paths,
)
from shark_core.traffic.vocabulary_store import vocabulary_state


@dataclass(frozen=True)
class _Vocabulary:
    """One field's new entries, written but not committed."""

    field: Field
    admitted: Admitted
    vocabulary: PartitionWriter
    pending: PartitionWriter

    def commit(self, inputs: dict[str, str]) -> Marker:
        """The vocabulary last: a day that has one has its pending values too."""
        self.pending.add([self.admitted.pending])
        self.pending.commit(inputs)
        self.vocabulary.add([self.admitted.vocabulary])
        counts = ("known", "admitted", "refused")
        facts = {name: getattr(self.admitted, name) for name in counts}
        return self.vocabulary.commit(inputs, facts)


def ingest(context: DayContext) -> JobResult:
    started = time.monotonic()
    paths = traffic_paths(context.lake, context.day)
    spark = spark_context(context.config.spark, "ingest")
    inspect = partial(inspect_file, context.lake, context.config)
    files = run_tasks(spark, paths, inspect, Stage("inspect", "files"))
    if not any(sum(file.row_groups) for file in files):
        raise empty_day(context.lake, context.day, f"{len(files)} file(s) without records")
    with ExitStack() as attempt:
        day, marker = _ingest_files(context, spark, files, attempt)
    seconds = time.monotonic() - started
    message = "ingest: %d records in, %d examples out, %d bytes, %.1f s"
    log.info(message, day.records, day.examples, marker.bytes, seconds)
    return JobResult(
        f"{day.examples:,} of {day.records:,} records of {context.day} became examples",
        {**asdict(day), "bytes": marker.bytes, "fingerprint": marker.fingerprint},
    )


def _ingest_files(
    context: DayContext, spark: SparkContext, files: Sequence[TrafficFile], attempt: ExitStack
) -> tuple[Tally, Marker]:
    """Write everything, judge the day, then commit. What is not committed goes with `attempt`."""
    splits, inputs = plan_splits(files), {"traffic": fingerprint(files)}
    vocabularies = _admit(context, spark, splits, attempt)
    examples = attempt.enter_context(context.writer(EXAMPLES))
    quarantine = attempt.enter_context(context.writer(QUARANTINE))
    paths = {added.field.name: added.admitted.paths for added in vocabularies}
    plan = IngestPlan(
        context.lake, context.config, context.interval, examples.files, quarantine.files, paths
    )
    outcomes = run_tasks(spark, splits, partial(ingest_split, plan), _stage("ingest", splits))
    day = tally(sum(sum(file.row_groups) for file in files), outcomes)
    _commit_quarantine(quarantine, outcomes, inputs, day)
    _check(context, day)
    markers = {f"vocabulary/{added.field.name}": added.commit(inputs) for added in vocabularies}
    examples.add(outcome.examples for outcome in outcomes if outcome.examples)
    admitted = {name: marker.fingerprint for name, marker in markers.items()}
    assignments = {field.name: field.row_assignment for field in context.config.fields}
    facts = {**asdict(day), "row_assignments": assignments}
    return day, examples.commit({**inputs, **admitted}, facts)


def _admit(
    context: DayContext, spark: SparkContext, splits: Sequence[Split], attempt: ExitStack
) -> list[_Vocabulary]:
    fields = [field for field in context.config.fields if field.encoding == "vocabulary"]
    if not fields:
        return []
    states = [vocabulary_state(context.lake, field.name, context.day) for field in fields]
    writers = [
        [context.writer(dataset, field=field.name) for dataset in (VOCABULARY, PENDING_VALUES)]
        for field in fields
    ]
    for writer in chain.from_iterable(writers):
        attempt.enter_context(writer)
    plans = [
        AdmissionPlan(context.lake, field, state, vocabulary.files, pending.files)
        for field, state, (vocabulary, pending) in zip(fields, states, writers, strict=True)
    ]
    count = partial(count_split, context.config, context.interval, plans)
    counted = run_tasks(spark, splits, count, _stage("count values", splits))
    tasks = [
        AdmissionTask(plan, partials)
        for plan, partials in zip(plans, zip(*counted, strict=True), strict=True)
    ]
    admitted = run_tasks(spark, tasks, admit_values, Stage("admit", "fields"))
    return [
        _Vocabulary(field, added, *pair)
        for field, added, pair in zip(fields, admitted, writers, strict=True)
    ]


def _stage(name: str, splits: Sequence[Split]) -> Stage:
    return Stage(name, "records", [split.rows for split in splits])


def _commit_quarantine(
    writer: PartitionWriter, outcomes: Sequence[SplitOutcome], inputs: dict[str, str], day: Tally
) -> None:
    entries = [outcome.quarantine for outcome in outcomes if outcome.quarantine]
    if entries:
        writer.add(entries)
    else:
        writer.write_table("part-00000.parquet", QUARANTINE_SCHEMA.empty_table())
    writer.commit(inputs, facts={"records": day.records, "quarantined": day.quarantined})


def _check(context: DayContext, day: Tally) -> None:
    quarantine = context.lake.location(context.partition(QUARANTINE).path)
    limit = context.config.ingest.max_quarantined_share
    check_day(day, limit, quarantine, context.config.label.column)
