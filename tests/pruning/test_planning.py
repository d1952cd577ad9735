"""The pruning plan keeps its limits, whatever the importances are."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.config_sections import Field, Pruning
from shark_core.errors import DataError
from shark_core.importance.report import FieldImportance
from shark_core.pruning.plan import PruningPlan
from shark_core.pruning.planning import plan_pruning


def field(name: str, rows: int = 10) -> Field:
    return Field(name=name, column=name, encoding="identity", num_embeddings=rows, embedding_dim=1)


def importance(name: str, score: float) -> FieldImportance:
    return FieldImportance(name, score, standard_error=score / 10, examples=100)


def planned(scores: dict[str, float], **limits: object) -> PruningPlan:
    fields = [field(name) for name in scores]
    return plan_pruning(
        fields,
        [importance(name, score) for name, score in scores.items()],
        Pruning.model_validate({"max_predicted_loss": 1e9, **limits}),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Field], list[FieldImportance], Pruning]:
    names = [f"f{number}" for number in range(draw(st.integers(1, 8)))]
    fields = [field(name, draw(st.integers(2, 50))) for name in names]
    score = st.floats(-0.5, 2.0, allow_nan=False)
    limits = Pruning(
        max_predicted_loss=draw(st.floats(0.0, 4.0)),
        byte_budget=draw(st.none() | st.integers(1, 1000)),
        max_fields=draw(st.none() | st.integers(0, 9)),
        keep=tuple(draw(st.sets(st.sampled_from(names)))),
    )
    return fields, [importance(name, draw(score)) for name in names], limits


@given(cases())
def test_no_limit_is_passed(case: tuple[list[Field], list[FieldImportance], Pruning]) -> None:
    fields, importances, limits = case
    plan = plan_pruning(fields, importances, limits)
    assert plan.predicted_loss <= limits.max_predicted_loss * (1 + 1e-9)
    assert len(plan.pruned) <= (len(fields) if limits.max_fields is None else limits.max_fields)
    assert not set(plan.pruned) & set(limits.keep)
    assert plan.kept
    assert sorted([*plan.kept, *plan.pruned]) == [f.name for f in fields]


@given(cases())
def test_nothing_kept_is_less_important_than_something_pruned(
    case: tuple[list[Field], list[FieldImportance], Pruning],
) -> None:
    fields, importances, limits = case
    plan = plan_pruning(fields, importances, limits)
    free = [d for d in plan.decisions if d.field not in limits.keep]
    pruned = [d.importance for d in free if d.action == "prune"]
    kept = [d.importance for d in free if d.action == "keep"]
    assert max(pruned, default=-9.0) <= min(kept, default=9.0)


@given(cases())
def test_it_prunes_no_further_than_the_byte_budget_asks(
    case: tuple[list[Field], list[FieldImportance], Pruning],
) -> None:
    fields, importances, limits = case
    plan = plan_pruning(fields, importances, limits)
    if limits.byte_budget is not None and plan.pruned:
        last = max(
            (d for d in plan.decisions if d.action == "prune"),
            key=lambda d: (d.importance, -d.bytes, d.field),
        )
        assert plan.kept_bytes + last.bytes > limits.byte_budget


@given(cases(), st.randoms())
def test_the_order_of_the_importances_does_not_matter(
    case: tuple[list[Field], list[FieldImportance], Pruning], random: Random
) -> None:
    fields, importances, limits = case
    shuffled = list(importances)
    random.shuffle(shuffled)
    assert plan_pruning(fields, shuffled, limits) == plan_pruning(fields, importances, limits)


@given(cases())
def test_a_plan_comes_back_from_json_as_it_was(
    case: tuple[list[Field], list[FieldImportance], Pruning],
) -> None:
    plan = plan_pruning(*case)
    assert PruningPlan.from_json(plan.to_json()) == plan


def test_the_least_important_go_until_the_sum_would_pass_the_limit() -> None:
    plan = planned({"a": 0.5, "b": 0.1, "c": 0.2, "d": 0.9}, max_predicted_loss=0.31)
    assert plan.pruned == ["b", "c"]
    assert plan.predicted_loss == pytest.approx(0.3)


def test_of_equal_importances_the_larger_table_goes_first() -> None:
    fields = [field("a", 10), field("b", 30), field("c", 20)]
    scores = [importance(name, 0.1) for name in "abc"]
    plan = plan_pruning(fields, scores, Pruning(max_predicted_loss=9, max_fields=2))
    assert plan.pruned == ["b", "c"]


def test_a_negative_importance_does_not_pay_for_another_field() -> None:
    assert planned({"a": -5.0, "b": 0.2, "c": 0.3}, max_predicted_loss=0.25).pruned == ["a", "b"]


def test_every_reason_says_why_with_figures() -> None:
    plan = planned({"a": 0.1, "b": 0.2, "c": 0.9}, max_predicted_loss=0.25, keep=["c"])
    reasons = {decision.field: decision.reason for decision in plan.decisions}
    assert reasons == {
        "a": "pruned: importance 0.1 ± 0.01, number 1 of 2 from below; saves 40 bytes; "
        "predicted loss so far 0.1 of 0.25",
        "b": "kept: importance 0.2 ± 0.02, number 2 of 2 from below; the next field's 0.2 would "
        "take the predicted loss from 0.1 past max_predicted_loss 0.25",
        "c": "kept: on the keep list",
    }


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_fields": 1}, "max_fields 1 reached"),
        ({"byte_budget": 80}, "the 80 bytes that remain fit byte_budget 80"),
    ],
)
def test_a_field_kept_by_a_limit_names_the_limit(limits: dict[str, int], reason: str) -> None:
    plan = planned({"a": 0.1, "b": 0.2, "c": 0.3}, **limits)
    assert plan.pruned == ["a"]
    assert all(reason in d.reason for d in plan.decisions if d.action == "keep")


def test_the_last_field_stays() -> None:
    plan = planned({"a": 0.0, "b": 0.0})
    assert len(plan.kept) == 1
    assert plan.decisions[1].reason.endswith("the last field always stays")


@pytest.mark.parametrize(
    "importances",
    [
        [importance("a", 0.1)],
        [importance("a", 0.1), importance("b", 0.1), importance("x", 0.1)],
        [importance("a", 0.1), replace(importance("b", 0.1), score=float("nan"))],
    ],
)
def test_importances_that_do_not_cover_the_fields_are_refused(
    importances: list[FieldImportance],
) -> None:
    with pytest.raises(DataError, match="do not cover the fields"):
        plan_pruning([field("a"), field("b")], importances, Pruning())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"decisions": [{}]}'])
def test_a_damaged_plan_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"plan\.json is damaged"):
        PruningPlan.from_json(text)
