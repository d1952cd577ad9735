"""The jobs of a day, in the order in which one machine would run them.

Jobs are named by module and function and loaded when they run, so that the command line loads
neither torch nor pyspark.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from jobs.context import DayJob


@dataclass(frozen=True)
class Verb:
    """`help` is the sentence that `--help` shows; the job is `jobs.<module>.<module>`."""

    name: str
    help: str
    on_branches: bool = True

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    def load(self) -> DayJob:
        job: DayJob = getattr(importlib.import_module(f"jobs.{self.module}"), self.module)
        return job


DAY_VERBS = (
    Verb("ingest", "Validate a day's traffic, encode values to row ids, quarantine bad records."),
    Verb("count-accesses", "Count each row's accesses by positive and negative impressions."),
    Verb("update-priorities", "Decay the rows' priorities, add the day's counts and late ones."),
    Verb("train", "Train the day's baseline, from the day before's or --warm-start production."),
    Verb("score-fields", "Score every field's importance on held-out examples."),
    Verb("validate-importance", "Check the scores against true replacement on a bounded sample."),
    Verb("plan-pruning", "Propose which fields to prune, with a reason for each."),
    Verb("prune-fields", "Carry out the approved plan in steps, each measured, kept or undone."),
    Verb("assign-tiers", "Decide at which precision each row is stored, by the config's policy."),
    Verb("finetune", "Finetune the pruned model, rows kept on their tier's grid."),
    Verb("quantize", "Store each row at its tier's precision."),
    Verb("evaluate", "Compare the compressed model with the baseline on held-out examples."),
    Verb("publish", "Publish tables and dense part as a snapshot; move the ref 'candidate'."),
    Verb("report", "Write the day's report: report.html and report.json."),
    Verb(
        "release-candidate",
        "Promote 'candidate' to 'production' if gates and config allow it.",
        on_branches=False,
    ),
)
