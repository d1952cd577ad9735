"""Two snapshots on the traffic of the same days: what the one would serve against the other.

Before a rollout it is the canary, after it the watch. Nothing is written. A day that a snapshot is
of is judged by the day's test slice, which its training never read; later days are judged whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from jobs.context import JobResult
from shark_core.config import PipelineConfig
from shark_core.errors import ConfigError, GateFailed
from shark_core.evaluation.comparison import Comparison
from shark_core.evaluation.guards import Demand, Guard, check_guards
from shark_core.interval import Interval
from shark_core.lake import Lake
from shark_core.models.device import choose_device
from shark_core.models.predictions import Predictions, predict
from shark_core.publish.catalog import Catalog
from shark_core.publish.lake_store import store_for
from shark_core.publish.manifest import Manifest
from shark_core.publish.snapshot_gates import require_gates
from shark_core.publish.snapshot_model import load_snapshot_model
from shark_core.publish.snapshot_names import named_snapshot, named_snapshot_before
from shark_core.traffic.examples import ExampleReader
from shark_core.traffic.slices import Slice, SlicePart, held_out_test_slice


@dataclass(frozen=True)
class Shadow:
    """`snapshot` is judged against `against`, each named as people name one, on whole `days`."""

    config: PipelineConfig
    snapshot: str
    against: str
    days: Sequence[date]
    branch: str = ""  # of the lake, where the examples are read
    as_of: bool = False  # `against`, a ref, stands for what it was by the first day

    @property
    def lake(self) -> Lake:
        return Lake(self.config.lake, self.branch)


REMEDIES: dict[Demand, str] = {
    "no_worse": "do not promote it: the old one goes on serving",
    "not_broken": "go back to the old one: `python -m jobs release rollback`",
}


def shadow_evaluate(shadow: Shadow, demand: Demand) -> JobResult:
    """Raises `GateFailed` where a guard fails, `DataError` where a day or a snapshot is missing,
    `ConfigError` where a snapshot is of a later day: it would be judged on what it was trained on.
    """
    catalog = Catalog(store_for(shadow.config), shadow.config.name)
    new, old = named_snapshot(catalog, shadow.snapshot), _against(catalog, shadow)
    if demand == "no_worse":
        require_gates(new, remedy="read the report of its day; keep serving the old one")
    judged = Slice("shadow", tuple(_unseen(shadow, day, new, old) for day in shadow.days))
    before, after = (_predict(shadow, catalog, manifest, judged) for manifest in (old, new))
    comparison = Comparison.of(before.labels, before.logits, after.logits)
    guards = check_guards(shadow.config.gates, comparison, demand)
    _require(guards, REMEDIES[demand], shadow, new, old)
    headline = f"{new.snapshot_id} against {old.snapshot_id}: every guard passed"
    return JobResult(headline, _figures(comparison, guards, new, old))


def _against(catalog: Catalog, shadow: Shadow) -> Manifest:
    if not shadow.as_of:
        return named_snapshot(catalog, shadow.against)
    first_day = Interval.of_day(min(shadow.days))
    return named_snapshot_before(catalog, shadow.against, first_day.end, "--against")


def _predict(shadow: Shadow, catalog: Catalog, manifest: Manifest, judged: Slice) -> Predictions:
    """One model at a time is in memory, and only the fields that it has are read."""
    config = shadow.config
    model = load_snapshot_model(catalog, manifest).to(choose_device(config.training))
    reader = ExampleReader(shadow.lake, config, judged, fields=model.kept)
    return predict(model, reader, config.training.batch_size)


def _unseen(shadow: Shadow, day: date, *snapshots: Manifest) -> SlicePart:
    """What no snapshot's training has read of the day."""
    newest = max(snapshots, key=lambda manifest: manifest.start)
    if newest.start.date() > day:
        raise ConfigError(
            "a snapshot is judged on a day that it has seen",
            expected=f"days from {newest.start.date()} on",
            found=str(day),
            where=f"snapshot {newest.snapshot_id}",
            remedy="name later days for --date",
        )
    if newest.start.date() < day:
        return SlicePart(day)
    (part,) = held_out_test_slice(shadow.lake, shadow.config, day).parts
    return part


def _require(
    guards: Sequence[Guard], remedy: str, shadow: Shadow, new: Manifest, old: Manifest
) -> None:
    failed = {guard.name: str(guard) for guard in guards if not guard.passed}
    if failed:
        raise GateFailed(
            f"snapshot {new.snapshot_id} may not stand in for {old.snapshot_id}",
            expected="losses within the config's gates",
            found=failed,
            where=f"the traffic of {', '.join(map(str, shadow.days))}",
            remedy=remedy,
        )


def _figures(
    comparison: Comparison, guards: Sequence[Guard], new: Manifest, old: Manifest
) -> dict[str, Any]:
    return {
        "snapshot": new.snapshot_id,
        "against": old.snapshot_id,
        "examples": comparison.examples,
        "positives": comparison.positives,
        "auc": comparison.compressed.auc,
        "auc_against": comparison.baseline.auc,
        "auc_difference": comparison.auc_difference.difference,
        "log_loss": comparison.compressed.log_loss,
        "log_loss_against": comparison.baseline.log_loss,
        "log_loss_difference": comparison.log_loss_difference.difference,
        "guards": {guard.name: str(guard) for guard in guards},
    }
