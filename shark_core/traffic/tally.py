"""A day's figures after ingest, and what they must be for the day to become examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shark_core.errors import DataError
from shark_core.traffic.ingest_tasks import SplitOutcome
from shark_core.traffic.validation import REASONS


@dataclass(frozen=True)
class Tally:
    """`records` are counted in the footers of the traffic files, `quarantined` by reason."""

    records: int
    examples: int
    positives: int
    quarantined: dict[str, int]


def tally(records: int, outcomes: Sequence[SplitOutcome]) -> Tally:
    """Add up; raises `DataError` unless every record is an example or in quarantine."""
    reasons: Counter[str] = Counter()
    for outcome in outcomes:
        reasons.update(outcome.quarantined)
    examples = sum(outcome.examples.rows for outcome in outcomes if outcome.examples)
    refused = sum(outcome.quarantine.rows for outcome in outcomes if outcome.quarantine)
    if not records == examples + refused == examples + reasons.total():
        raise DataError(
            "records were lost or doubled: a fault of ingest itself; no partition was changed",
            expected=f"{records} records, as the traffic files' footers say",
            found=f"{examples} examples, {refused} in quarantine, {reasons.total()} reasons",
            remedy="keep the day's traffic and report this message",
        )
    positives = sum(outcome.positives for outcome in outcomes)
    ordered = {reason: reasons[reason] for reason in REASONS if reasons[reason]}
    return Tally(records, examples, positives, ordered)


def check_day(day: Tally, max_quarantined_share: float, quarantine: str, label: str) -> None:
    """Raises `DataError` for a day from which nothing can be learnt; `quarantine` is a location."""
    refused = sum(day.quarantined.values())
    if refused > max_quarantined_share * day.records:
        raise DataError(
            f"{refused} of {day.records} records were refused",
            expected=f"at most {max_quarantined_share:.2%} (ingest.max_quarantined_share)",
            found=", ".join(f"{reason}: {n}" for reason, n in day.quarantined.items()),
            where=quarantine,
            remedy="look at the records there; correct traffic or config, or raise the limit",
        )
    if day.positives in (0, day.examples):
        raise DataError(
            "the day has examples of one label only",
            expected="both 0 and 1",
            found=f"{day.positives} positive and {day.examples - day.positives} negative examples",
            where=f"label column {label!r}",
            remedy="check how the label is made and which column label.column names",
        )
