"""Params that several DAGs have, and the templates that read them."""

from __future__ import annotations

from airflow.sdk import Param

CONFIG = "{{ params.config or var.value.get('shark_config', 'infra/config/demo.yaml') }}"

CONFIG_PARAM = Param(
    "",
    type=["string", "null"],
    title="Pipeline config",
    description=(
        "YAML file of the model, relative to the checkout. Empty: the Airflow Variable "
        "shark_config, else infra/config/demo.yaml."
    ),
)

WARM_START = "{{ params.warm_start or '' }}"

# Airflow's form sends null for what a person has emptied.
WARM_START_PARAM = Param(
    "production",
    type=["string", "null"],
    title="Start from",
    description=(
        "A snapshot, or a ref: the last that it pointed to from before the first day to train on. "
        "Empty: start cold."
    ),
)

REASON_PARAM = Param(
    "",
    type=["string", "null"],
    title="Why",
    description="For who reads the list of runs.",
)


DAY = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"


def day_param(title: str, description: str) -> Param:
    """A day in UTC that may be left empty."""
    kinds = ["string", "null"]
    return Param("", type=kinds, pattern=f"^({DAY})?$", title=title, description=description)
