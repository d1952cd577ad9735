"""Spark tasks that find out what a day adds to the vocabularies.

    split 0 ─ count_split ─→ partial counts of each field ┐
    split 1 ─ count_split ─→ partial counts of each field ┴─ admit_values, one task a field ─→
                                                              vocabulary and pending_values

Counts are of examples only: what a quarantined record holds never becomes part of a vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from shark_core.config import PipelineConfig
from shark_core.config_sections import Field
from shark_core.interval import Interval
from shark_core.lake import FileEntry, Lake
from shark_core.partition_writer import AttemptFiles
from shark_core.schemas import PENDING_VALUES_SCHEMA
from shark_core.traffic.columns import columns_read, field_values
from shark_core.traffic.encoding import canonical_texts
from shark_core.traffic.traffic_files import Split, read_split
from shark_core.traffic.validation import find_reasons
from shark_core.traffic.vocabulary import Vocabulary, admit, count_values, merge_counts
from shark_core.traffic.vocabulary_store import (
    Paths,
    VocabularyState,
    check_fits,
    check_unchanged,
    load_vocabulary,
)


@dataclass(frozen=True)
class AdmissionPlan:
    """One field's admission: what is known, and where the day's files of this attempt go."""

    lake: Lake
    field: Field
    state: VocabularyState
    vocabulary: AttemptFiles
    pending: AttemptFiles


@dataclass(frozen=True)
class Admitted:
    """`paths` are all files of the vocabulary after the day, which has `known` values then.

    `admitted` of them came on the day; `refused` were counted often enough but there was no row.
    """

    paths: Paths
    vocabulary: FileEntry
    pending: FileEntry
    known: int
    admitted: int
    refused: int


def count_split(
    config: PipelineConfig, interval: Interval, plans: Sequence[AdmissionPlan], split: Split
) -> list[str]:
    """Write a split's value counts, one file a plan, beside the pending values of the attempt.

    Returns the paths of these partial counts, in the order of the plans.
    """
    parts: dict[str, list[pa.Table]] = {plan.field.name: [] for plan in plans}
    for _, batch in read_split(plans[0].lake, split, columns_read(config)):
        valid = batch.filter(pa.array(find_reasons(batch, config, interval) == 0))
        for plan in plans:
            jagged = field_values(valid.column(plan.field.column), plan.field)
            parts[plan.field.name].append(count_values(canonical_texts(jagged.values)))
    name = f"partial-{split.number:05d}.parquet"
    return [
        plan.pending.write_table(name, merge_counts(parts[plan.field.name])).path for plan in plans
    ]


@dataclass(frozen=True)
class AdmissionTask:
    """A field's plan, and the partial counts of all splits."""

    plan: AdmissionPlan
    partials: Paths


def admit_values(task: AdmissionTask) -> Admitted:
    """Add up the splits' counts and write what the day admits and what stays pending."""
    plan = task.plan
    known = load_vocabulary(plan.lake, plan.state.known)
    check_fits(plan.field, known)
    admission = admit(
        pending=merge_counts([plan.lake.read_parquet(path) for path in plan.state.pending]),
        counts=_unknown(
            merge_counts([plan.lake.read_parquet(path) for path in task.partials]), known
        ),
        next_row=len(known) + 1,
        limit=plan.field.num_embeddings,
        min_count=plan.field.min_count,
    )
    check_unchanged(plan.lake, plan.field, plan.state, admission.admitted)
    vocabulary = plan.vocabulary.write_table("part-00000.parquet", admission.admitted)
    return Admitted(
        paths=(*plan.state.known, vocabulary.path),
        vocabulary=vocabulary,
        pending=plan.pending.write_table("part-00000.parquet", admission.pending),
        known=len(known) + admission.admitted.num_rows,
        admitted=admission.admitted.num_rows,
        refused=admission.refused,
    )


def _unknown(counts: pa.Table, known: Vocabulary) -> pa.Table:
    texts = pa.concat_arrays([pa.array([], pa.string()), *counts["value"].chunks])
    new = counts.filter(pa.array(known.rows_of(texts) == 0))
    return new.cast(PENDING_VALUES_SCHEMA)
