from __future__ import annotations

from typing import Any

import pytest

from jobs.context import DayContext
from jobs.release_candidate import release_candidate
from shark_core.errors import ConflictError, DataError, GateFailed, RetryableError
from shark_core.publish.object_store_local import LocalStore
from tests.jobs.compressed_day import (
    FAILING_GATES,
    catalog_of,
    head,
    next_day,
    run_command,
    run_to_publish,
)


def run_release(context: DayContext, *arguments: str) -> dict[str, Any]:
    return run_command(context, "release", *arguments)


def test_a_person_promotes_and_looks_at_refs(make_context: Any) -> None:
    context = make_context()
    run_to_publish(context)
    snapshot = str(head(context, "candidate"))
    moved = run_release(context, "promote", "--ref", "production", "--snapshot", snapshot)
    assert (moved["before"], moved["after"]) == (None, snapshot)
    run_release(context, "promote", "--ref", "production", "--snapshot", snapshot[:6])
    run_release(context, "promote", "--ref", "production", "--snapshot", "candidate")
    assert run_release(context, "show")["production"]["snapshot"] == snapshot
    assert list(run_release(context, "history", "--ref", "production")) == ["0", "headline"]


def test_the_history_of_a_ref_that_is_none_is_refused(make_context: Any) -> None:
    context = make_context()
    run_to_publish(context)
    with pytest.raises(DataError, match=r"(?s)no ref 'prodction'.*candidate"):
        run_release(context, "history", "--ref", "prodction")


def test_a_person_must_insist_to_promote_past_a_failed_gate(make_context: Any) -> None:
    context = make_context(gates=FAILING_GATES)
    run_to_publish(context)
    arguments = ["promote", "--ref", "production", "--snapshot", str(head(context, "candidate"))]
    with pytest.raises(GateFailed, match="compression_ratio"):
        run_release(context, *arguments)
    run_release(context, *arguments, "--despite-failed-gates")
    assert head(context, "production") == head(context, "candidate")


def test_a_person_rolls_back(make_context: Any) -> None:
    context = make_context(release={"promotion": "automatic"})
    run_to_publish(context)
    release_candidate(context)
    first = head(context, "production")
    again = make_context(
        release={"promotion": "automatic"}, tiers={"int8_below": 1, "fp16_below": 9}
    )
    run_to_publish(again)
    release_candidate(again)
    assert head(again, "production") != first
    assert run_release(again, "rollback", "--ref", "production")["after"] == first


def test_a_rollback_whose_reply_was_lost_says_how_not_to_go_back_twice(
    make_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_context(release={"promotion": "automatic"})
    run_to_publish(context)
    later = next_day(context)
    run_to_publish(later)
    for day in (context, later):
        release_candidate(day)
    newest, oldest = (entry.snapshot_id for entry in catalog_of(later).history("production"))
    put = LocalStore.put_if_absent

    def lose_reply(store: LocalStore, key: str, content: bytes) -> bool:
        put(store, key, content)
        raise RetryableError("no reply")

    with monkeypatch.context() as network:
        network.setattr(LocalStore, "put_if_absent", lose_reply)
        with pytest.raises(RetryableError) as caught:
            run_release(later, "rollback", "--ref", "production")
    assert f"--expect {newest}" in str(caught.value)
    with pytest.raises(ConflictError, match="moved by somebody else"):
        run_release(later, "rollback", "--ref", "production", "--expect", newest)
    assert head(later, "production") == oldest
