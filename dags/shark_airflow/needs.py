"""What a job needs, as arguments of its task: the pool whose slots count it, and the time limit of
one attempt.

spark, gpu   pools that must exist: `airflow pools import infra/airflow/pools.json`
plain        Airflow's default pool
"""

from __future__ import annotations

from typing import Any

from shark_airflow.schedule import minutes, read_schedule

LIMITS = read_schedule().minutes


def _needs(pool: str, limit: float) -> dict[str, Any]:
    return {"pool": pool, "execution_timeout": minutes(limit)}


SPARK = _needs("spark", LIMITS.spark)
GPU = _needs("gpu", LIMITS.gpu)
PLAIN = _needs("default_pool", LIMITS.plain)

OF_VERB = {
    "ingest": SPARK,
    "count-accesses": SPARK,
    "update-priorities": SPARK,
    "backfill-counts": SPARK,
    "backfill-examples": SPARK,
    "train": GPU,
    "score-fields": GPU,
    "validate-importance": GPU,
    "prune-fields": GPU,
    "assign-tiers": GPU,
    "finetune": GPU,
    "evaluate": GPU,
    "shadow-evaluate": GPU,
}
"""By verb; of those that are not here, `PLAIN`."""


def needs_of(verb: str) -> dict[str, Any]:
    return OF_VERB.get(verb, PLAIN)
