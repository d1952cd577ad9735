"""Publishing under random fault schedules, and proof that these would notice mistakes."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from shark_core.publish import expiry, table_reader
from shark_core.publish.catalog import Catalog
from shark_core.publish.ref_log import RefLog
from tests.publish import scheduled_runs
from tests.publish.fault_store import Fault
from tests.publish.faulty_logs import (
    Overwrites,
    RollsBackToRevoked,
    SearchesFirst,
    TakesFalseForDone,
    publish_manifest_first,
)
from tests.publish.schedules import EXPIRING_EVERY, Outcome, outcomes

SCHEDULES = range(2000)
EXPIRING = range(EXPIRING_EVERY - 1, 1500 * EXPIRING_EVERY, EXPIRING_EVERY)
CHECKOUT = Path(__file__).parents[2]


def first_violation(found: Iterable[Outcome]) -> str:
    return next((outcome.report() for outcome in found if outcome.violations), "")


def test_nothing_is_lost_doubled_or_half_written_whatever_goes_wrong() -> None:
    faults: Counter[Fault] = Counter()
    for outcome in outcomes(SCHEDULES):
        assert not outcome.violations, outcome.report()
        faults += outcome.faults
    assert min(faults[fault] for fault in Fault) > 100


@pytest.mark.parametrize(
    ("logs", "violation"),
    [
        (SearchesFirst, "doubled"),
        (Overwrites, "lost"),
        (TakesFalseForDone, "lost"),
        (RollsBackToRevoked, "rolled back to"),
    ],
)
def test_a_mistake_in_the_log_of_refs_is_noticed(logs: type[RefLog], violation: str) -> None:
    assert violation in first_violation(outcomes(SCHEDULES, logs))


def test_a_manifest_that_is_stored_before_its_files_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scheduled_runs, "publish_snapshot", publish_manifest_first)
    assert "is missing" in first_violation(outcomes(SCHEDULES))


def test_a_reader_that_forgets_changes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_reader, "composed", lambda before, *_: before)
    assert "table file is damaged" in first_violation(outcomes(SCHEDULES))


def test_an_expire_that_does_not_look_again_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "wanted_since", lambda *_: frozenset())
    assert first_violation(outcomes(EXPIRING))


def test_a_promotion_that_does_not_look_again_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Catalog, "_require_readable_still", lambda *_: None)
    assert "which is not committed" in first_violation(outcomes(EXPIRING))


def test_a_seed_gives_the_same_calls_and_faults_each_time() -> None:
    first = [outcome.trace for outcome in outcomes(range(30))]
    again = [outcome.trace for outcome in outcomes(reversed(range(30)))]
    assert first == again[::-1]
    assert len({*map(tuple, first)}) == len(first)


def test_the_command_of_a_report_repeats_the_schedule_in_another_process() -> None:
    outcome = next(outcomes([77]))
    command = outcome.report().splitlines()[0].removeprefix("python ").split()
    done = subprocess.run(
        [sys.executable, *command], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout.rstrip("\n") == outcome.report()
