"""What a demo runs: which traffic, how it is made, which days, which pipeline config."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import yaml

from infra.airflow.settings import CHECKOUT
from infra.demo.failure import DemoFailed

DAG_ID = "daily_compression"
FOLDER = CHECKOUT / ".demo"
LAKE = FOLDER / "lake"
CONFIGS = CHECKOUT / "infra" / "config"


@dataclass(frozen=True)
class DemoPlan:
    """`days` UTC days from `first_day` on; `make_traffic` is the command that fills the lake."""

    config: Path
    make_traffic: list[str]
    first_day: date
    days: int

    @property
    def each_day(self) -> list[date]:
        return [self.first_day + timedelta(days=number) for number in range(self.days)]

    @property
    def last_day(self) -> date:
        return self.each_day[-1]


def generated(source: str) -> DemoPlan:
    """Three days of synthetic traffic with planted structure."""
    if source:
        raise DemoFailed("SOURCE belongs to TRAFFIC=kuairand; generated traffic has none")
    first_day = date(2026, 1, 1)
    arguments = ["generate", "--start-day", first_day.isoformat(), "--days", "3"]
    arguments += ["--impressions-per-day", "60000", "--seed", "7", "--lake", str(LAKE)]
    return DemoPlan(_config("demo.yaml"), _jobs(arguments), first_day, 3)


def kuairand(source: str) -> DemoPlan:
    """The KuaiRand-Pure log of 2022-04-25 to 05-05, in the publisher's own files."""
    folder = Path(source).expanduser()
    if not source or not folder.is_dir():
        raise DemoFailed(
            "TRAFFIC=kuairand needs SOURCE, the folder with the log's Parquet files "
            f"(found: {source or 'nothing'})\n"
            "  example: make demo TRAFFIC=kuairand SOURCE=../shared/data/kuairand"
        )
    arguments = ["prepare", "--format", "kuairand", "--source", str(folder.resolve())]
    command = _jobs([*arguments, "--lake", str(LAKE)])
    return DemoPlan(_config("kuairand.yaml"), command, date(2022, 4, 25), 11)


PLANS: dict[str, Callable[[str], DemoPlan]] = {"generated": generated, "kuairand": kuairand}


def plan_demo(traffic: str, source: str) -> DemoPlan:
    if traffic not in PLANS:
        raise DemoFailed(f"TRAFFIC is {traffic!r}; it can be {' or '.join(PLANS)}")
    return PLANS[traffic](source)


def _jobs(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "jobs", *arguments]


def _config(name: str) -> Path:
    """The config with the demo's lake: the file itself, or a copy where it names another lake."""
    document = yaml.safe_load((CONFIGS / name).read_text(encoding="utf-8"))
    if CHECKOUT / document["lake"] == LAKE:
        return CONFIGS / name
    copy = FOLDER / name
    copy.parent.mkdir(exist_ok=True)
    document["lake"] = str(LAKE.relative_to(CHECKOUT))
    copy.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return copy
