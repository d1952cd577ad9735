"""`python -m infra.demo --traffic generated`: see `make demo`."""

from __future__ import annotations

import argparse
import fcntl
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from infra.airflow.client import AirflowClient
from infra.airflow.failure import Failure, tail
from infra.airflow.readiness import connect
from infra.airflow.services import AirflowServices
from infra.airflow.settings import CHECKOUT, AirflowSettings
from infra.demo.failure import DemoFailed
from infra.demo.plan import DAG_ID, FOLDER, LAKE, PLANS, DemoPlan, plan_demo
from infra.demo.progress import Progress, follow
from infra.demo.summary import summary
from infra.stack.folder import DEFAULT_FOLDER
from infra.stack.options import NONE
from infra.stack.state import StateFile
from jobs.registry import DAY_VERBS

RUNS_AT_ONCE = 3


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--traffic", default="generated", help=" or ".join(PLANS))
    parser.add_argument("--source", default="", help="the raw log, for TRAFFIC=kuairand")
    options = parser.parse_args()
    for ending in (signal.SIGINT, signal.SIGTERM):  # even where a shell made us ignore Ctrl-C
        signal.signal(ending, _interrupt)
    try:
        with _alone():
            run_demo(plan_demo(options.traffic, options.source))
    except Failure as failure:
        say(f"demo: {failure}")
        return 1
    except KeyboardInterrupt:
        say("demo: interrupted; Airflow and its jobs are ended")
        return 130
    return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _alone() -> Iterator[None]:
    """One demo at a time in this checkout, and no stack, which has the demo's lake."""
    stack = StateFile(DEFAULT_FOLDER).read()
    is_up = stack and any(stack.is_alive(service.name) for service in stack.services)
    if stack and is_up and stack.options.s3 == NONE:
        raise DemoFailed("the stack is up on the lake that the demo makes anew; `make down` first")
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoFailed("another demo runs in this checkout; wait for it or end it") from error
        yield


def run_demo(plan: DemoPlan) -> None:
    started = time.monotonic()
    settings = AirflowSettings(FOLDER / "airflow")
    for folder in (settings.home, LAKE):
        shutil.rmtree(folder, ignore_errors=True)
    with AirflowServices(settings) as services:
        services.migrate()
        make_traffic(plan)
        services.start()
        client = connect(services, [DAG_ID])
        say(f"demo: Airflow is up at {settings.url} (admin, {settings.password}); it runs")
        say(f"      daily_compression for {plan.days} days, {plan.first_day} to {plan.last_day}")
        runs = backfill(client, plan.first_day, plan.last_day, str(plan.config))
        if runs != plan.days:
            raise DemoFailed(f"{plan.days} runs expected, Airflow made {runs}")
        progress = Progress(len(DAY_VERBS), plan.days, settings.home / "logs", say)
        follow(progress, lambda: client.tasks(DAG_ID), services.check)
    say(summary(plan))
    say(f"demo: done in {time.monotonic() - started:.0f} s")


def make_traffic(plan: DemoPlan) -> None:
    """Fill the lake with traffic, its progress bar shown, while the database is made."""
    log = FOLDER / "traffic.log"
    with log.open("wb") as output:
        done = subprocess.run(plan.make_traffic, cwd=CHECKOUT, stdout=output, check=False)
    if done.returncode != 0:
        raise DemoFailed(f"making the traffic ended with {done.returncode}\n{tail(log)}")


def backfill(client: AirflowClient, first_day: date, last_day: date, config: str) -> int:
    """Create one run for each day, oldest first; gives back the number of runs."""
    client.backfill(DAG_ID, first_day, last_day, {"config": config}, RUNS_AT_ONCE, "failed")
    return len(client.runs(DAG_ID))


if __name__ == "__main__":
    sys.exit(main())
