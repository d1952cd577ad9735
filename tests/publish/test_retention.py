"""What expire may take, in registries that grew at random."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shark_core.errors import DataError
from shark_core.publish.expiry import expire, survey
from shark_core.publish.retention import ExpiryPlan, RetentionPolicy, plan_expiry
from tests.publish.expiring_registry import ExpiringRegistry

POLICY = RetentionPolicy(keep_entries=2, keep=timedelta(days=3), grace=timedelta(hours=24))

hours = st.sampled_from([0.0, 1.0, 30.0, 100.0])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(0, 9), hours),
        st.tuples(st.just("publish whole"), st.just(0), hours),
        st.tuples(st.sampled_from(["production", "candidate"]), st.integers(0, 9), hours),
        st.tuples(st.just("leave files"), st.integers(0, 9), hours),
    ),
    min_size=1,
    max_size=15,
)
policies = st.builds(
    RetentionPolicy,
    keep_entries=st.integers(1, 4),
    keep=st.sampled_from([timedelta(0), timedelta(days=2), timedelta(days=9)]),
    grace=st.sampled_from([timedelta(hours=2), timedelta(hours=24)]),
)


def grown(what: list[tuple[str, int, float]]) -> ExpiringRegistry:
    registry = ExpiringRegistry()
    for number, (step, chosen, waited) in enumerate(what):
        known = registry.ids[chosen % len(registry.ids)] if registry.ids else None
        if step.startswith("publish"):
            registry.publish(known if step == "publish" else None)
        elif step == "leave files":
            registry.leave_files(known or "s0", f"left{number}")
        elif known:
            registry.promote(step, known)
        registry.wait(waited)
    return registry


def planned(registry: ExpiringRegistry, policy: RetentionPolicy = POLICY) -> ExpiryPlan:
    return plan_expiry(survey(registry.catalog), policy, registry.now)


def expire_now(registry: ExpiringRegistry, policy: RetentionPolicy = POLICY) -> ExpiryPlan:
    seen = survey(registry.catalog)
    plan = plan_expiry(seen, policy, registry.now)
    expire(registry.catalog, seen, plan)
    return plan


def attempt_of(key: str) -> str:
    return "/".join(key.split("/")[:4])


@given(what=steps, policy=policies)
@settings(max_examples=300, deadline=None)
def test_expire_takes_all_that_may_go_and_nothing_else(
    what: list[tuple[str, int, float]], policy: RetentionPolicy
) -> None:
    registry = grown(what)
    young = {k for k, at in registry.store.modified.items() if at >= registry.now - policy.grace}
    needed = registry.must_stay(policy, registry.now)
    log = {key for key in registry.store.contents if "/refs/" in key}
    expire_now(registry, policy)
    assert (young | log) <= registry.store.contents.keys()
    stayed = {each for each in registry.ids if registry.is_readable(each)}
    fresh = {each for each in registry.ids if f"ctr/snapshots/{each}.json" in young}
    assert stayed == needed | registry.with_bases(fresh)
    left = {attempt_of(key) for key in registry.store.contents if "/left" in key}
    assert left <= {attempt_of(key) for key in young}  # as old as its youngest file
    again = planned(registry, policy)
    assert (again.snapshots, again.attempts) == ((), ())


@given(what=steps, policy=policies)
@settings(max_examples=100, deadline=None)
def test_a_plan_changes_nothing(
    what: list[tuple[str, int, float]], policy: RetentionPolicy
) -> None:
    registry = grown(what)
    before = dict(registry.store.contents)
    plan = planned(registry, policy)
    assert registry.store.contents == before
    gone = {found.key for each in (*plan.snapshots, *plan.attempts) for found in each.objects}
    assert gone <= before.keys()


def promoted(registry: ExpiringRegistry, count: int, days_between: float) -> list[str]:
    """`production` moved over so many snapshots."""
    made = []
    for _ in range(count):
        made.append(registry.publish())
        registry.promote("production", made[-1])
        registry.wait(24 * days_between)
    return made


def test_the_last_moves_of_a_ref_stay_however_old_they_are() -> None:
    registry = ExpiringRegistry()
    made = promoted(registry, 4, days_between=100)
    assert expire_now(registry).kept == tuple(made[-2:])


def test_what_was_replaced_lately_stays_however_long_ago_it_was_promoted() -> None:
    registry = ExpiringRegistry()
    served_long = registry.publish()
    registry.promote("production", served_long)
    registry.wait(24 * 300)
    promoted(registry, 3, days_between=0.1)
    assert served_long in expire_now(registry).kept


def test_what_a_kept_snapshot_is_stored_as_changes_on_stays() -> None:
    registry = ExpiringRegistry()
    whole = registry.publish()
    middle = registry.publish(base=whole)
    head = registry.publish(base=middle)
    registry.promote("production", head)
    registry.wait(24 * 90)
    assert expire_now(registry).kept == (whole, middle, head)


def test_snapshots_go_before_those_that_they_need() -> None:
    registry = ExpiringRegistry()
    whole = registry.publish()
    later = registry.publish(base=registry.publish(base=whole))
    registry.wait(48)
    assert [each.of for each in planned(registry).snapshots] == [later, "s1", whole]


def test_an_attempt_stays_while_any_file_of_it_is_young() -> None:
    registry = ExpiringRegistry()
    registry.leave_files("s7", "slow")
    registry.wait(30)
    registry.store.put_if_absent("ctr/data/s7/slow/one-more", b"x")
    assert planned(registry).attempts == ()
    registry.wait(30)
    assert [each.of for each in planned(registry).attempts] == ["s7/slow"]


def test_data_of_a_kept_snapshot_that_lost_its_manifest_stays() -> None:
    registry = ExpiringRegistry()
    (lost,) = promoted(registry, 1, days_between=50)
    registry.store.delete(f"ctr/snapshots/{lost}.json")
    assert planned(registry).attempts == ()


def test_nothing_expires_while_a_manifest_or_an_entry_cannot_be_read() -> None:
    for key in ("ctr/snapshots/s0.json", "ctr/refs/production/99999999.json"):
        registry = ExpiringRegistry()
        promoted(registry, 1, days_between=50)
        registry.store.contents[key] = b'{"format_version": 2}'
        with pytest.raises(DataError, match=key):
            survey(registry.catalog)
