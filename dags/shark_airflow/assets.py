"""The datasets of a day as Airflow sees them: what a task makes, and what waits for it."""

from __future__ import annotations

from airflow.sdk import Asset

EXAMPLES = Asset("shark.examples")
ACCESS_COUNTS = Asset("shark.access_counts")
ROW_PRIORITY = Asset("shark.row_priority")
CHECKPOINT = Asset("shark.checkpoint")
PLAN = Asset("shark.plan")
COMPRESSED = Asset("shark.compressed")
CANDIDATE = Asset("shark.candidate")
REPORT = Asset("shark.report")
PRODUCTION = Asset("shark.production")

MADE_BY = {
    "ingest": EXAMPLES,
    "count-accesses": ACCESS_COUNTS,
    "update-priorities": ROW_PRIORITY,
    "train": CHECKPOINT,
    "plan-pruning": PLAN,
    "quantize": COMPRESSED,
    "publish": CANDIDATE,
    "report": REPORT,
    "release-candidate": PRODUCTION,
}
"""By verb of the daily run. A branch makes none of them: nothing may wait for it."""
