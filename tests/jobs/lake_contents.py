"""What two lakes, or one lake at two times, must have in common."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from shark_core.lake import Marker
from shark_core.report.pruning_report import PlanStanding
from shark_core.report.run_report import RunReport


def contents(root: Path) -> dict[str, object]:
    """Fingerprint by partition; for a report what it says, but for when people and jobs decided
    on plans: that is the one thing in a lake that two runs over the same traffic do not share.
    """
    markers = {path.parent: Marker.from_json(path.read_text()) for path in _markers(root)}
    return {
        str(folder.relative_to(root)): _report(root, marker)
        if marker.dataset == "report"
        else marker.fingerprint
        for folder, marker in markers.items()
    }


def _markers(root: Path) -> list[Path]:
    return sorted(root.rglob("_marker.json"))


def _report(root: Path, marker: Marker) -> RunReport:
    document = next(entry.path for entry in marker.files if entry.path.endswith(".json"))
    report = RunReport.from_json((root / document).read_bytes())
    pruning = replace(
        report.pruning,
        carried_out=_timeless(report.pruning.carried_out),
        of_the_day=_timeless(report.pruning.of_the_day),
    )
    return replace(report, pruning=pruning)


def _timeless(plan: PlanStanding | None) -> PlanStanding | None:
    return replace(plan, at="") if plan else None
