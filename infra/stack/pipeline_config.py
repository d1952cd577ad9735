"""Which pipeline config the stack's DAGs start with: the Airflow Variable `shark_config`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from infra.airflow.administration import Administration
from infra.airflow.settings import CHECKOUT
from infra.stack import s3, spark
from infra.stack.folder import StackFolder
from infra.stack.options import NONE, Options

VARIABLE = "shark_config"
DEMO = "infra/config/demo.yaml"  # relative to the checkout, where jobs run


def stock_config(folder: StackFolder, options: Options) -> str:
    """The demo's config, or a copy of it that names the stack's S3 and Spark."""
    return str(folder.config) if _changes(options) else DEMO


def write_config(folder: StackFolder, options: Options) -> None:
    if changes := _changes(options):
        document = yaml.safe_load((CHECKOUT / DEMO).read_text(encoding="utf-8"))
        text = yaml.safe_dump({**document, **changes}, sort_keys=False, allow_unicode=True)
        folder.config.write_text(f"# Written by `make up` from {DEMO}\n{text}", encoding="utf-8")


def set_config(airflow: Administration, folder: StackFolder, options: Options) -> str:
    """Give the Variable the stack's config, unless a person has set another one; what it is now."""
    wanted = stock_config(folder, options)
    found = airflow.variable(VARIABLE)
    if found not in {None, DEMO, str(folder.config)}:
        return str(found)
    if found != wanted:
        airflow.set_variable(VARIABLE, wanted, "The pipeline config that DAGs take by default")
    return wanted


def config_path(config: str) -> Path:
    """As jobs find it."""
    return CHECKOUT / config


def _changes(options: Options) -> dict[str, Any]:
    lake = {"lake": s3.LAKE} if options.s3 != NONE else {}
    cluster = {"spark": spark.section(options.spark_port)} if options.spark != NONE else {}
    return {**lake, **cluster}
