from __future__ import annotations

from typing import Any

import pytest

from jobs.context import DayContext
from jobs.release import release
from shark_core.errors import DataError, GateFailed
from tests.jobs.compressed_day import (
    FAILING_GATES,
    head,
    run_command,
    run_to_publish,
)


def run_refs(context: DayContext, *arguments: str) -> dict[str, Any]:
    return run_command(context, "refs", *arguments)


def test_a_person_promotes_and_looks_at_refs(make_context: Any) -> None:
    context = make_context()
    run_to_publish(context)
    snapshot = str(head(context, "candidate"))
    moved = run_refs(context, "promote", "--ref", "production", "--snapshot", snapshot)
    assert (moved["before"], moved["after"]) == (None, snapshot)
    run_refs(context, "promote", "--ref", "production", "--snapshot", snapshot)
    assert run_refs(context, "show")["production"]["snapshot"] == snapshot
    assert list(run_refs(context, "history", "--ref", "production")) == ["0", "headline"]


def test_the_history_of_a_ref_that_is_none_is_refused(make_context: Any) -> None:
    context = make_context()
    run_to_publish(context)
    with pytest.raises(DataError, match=r"(?s)no ref 'prodction'.*candidate"):
        run_refs(context, "history", "--ref", "prodction")


def test_a_person_must_insist_to_promote_past_a_failed_gate(make_context: Any) -> None:
    context = make_context(gates=FAILING_GATES)
    run_to_publish(context)
    arguments = ["promote", "--ref", "production", "--snapshot", str(head(context, "candidate"))]
    with pytest.raises(GateFailed, match="compression_ratio"):
        run_refs(context, *arguments)
    run_refs(context, *arguments, "--despite-failed-gates")
    assert head(context, "production") == head(context, "candidate")


def test_a_person_rolls_back(make_context: Any) -> None:
    context = make_context(release={"promotion": "automatic"})
    run_to_publish(context)
    release(context)
    first = head(context, "production")
    again = make_context(
        release={"promotion": "automatic"}, tiers={"int8_below": 1, "fp16_below": 9}
    )
    run_to_publish(again)
    release(again)
    assert head(again, "production") != first
    assert run_refs(again, "rollback", "--ref", "production")["after"] == first
