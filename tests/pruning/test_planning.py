"""What a plan prunes, keeps and warns of, in small cases."""

from __future__ import annotations

import pytest

from shark_core.config_sections import Pruning
from shark_core.errors import DataError
from shark_core.importance.report import FieldImportance
from shark_core.pruning.plan import PruningPlan
from shark_core.pruning.planning import plan_pruning
from tests.pruning.plan_cases import field, importance

WIDE = Pruning(max_predicted_loss=1.0)


def planned(scores: dict[str, float], **limits: object) -> PruningPlan:
    return plan_pruning(
        [field(name) for name in scores],
        [importance(name, score) for name, score in scores.items()],
        Pruning.model_validate({"max_predicted_loss": 1e9, **limits}),
    )


def test_a_set_saves_more_than_the_least_important_first() -> None:
    fields = [field("a", 10), field("b", 10), field("c", 50)]
    scores = [importance("a", 0.1), importance("b", 0.1), importance("c", 0.2)]
    plan = plan_pruning(fields, scores, Pruning(max_predicted_loss=0.25))
    assert plan.pruned == ["c"]


def test_of_sets_that_save_the_same_bytes_the_one_of_least_loss_goes() -> None:
    assert planned({"a": 0.3, "b": 0.1, "c": 0.2, "d": 0.1}, max_fields=2).pruned == ["b", "d"]


def test_of_fields_that_differ_in_their_names_alone_the_first_by_name_go() -> None:
    assert planned(dict.fromkeys("dbca", 0.1), max_fields=2).pruned == ["b", "a"]


def test_the_upper_end_of_the_interval_is_what_the_limit_holds_for() -> None:
    fields = [field("a", 50), field("b", 10)]
    scores = [importance("a", 0.1, error=0.1), importance("b", 0.2)]
    plan = plan_pruning(fields, scores, Pruning(max_predicted_loss=0.25))
    assert plan.pruned == ["b"]  # a: 0.1, but up to 0.296


def test_what_hurts_is_told_with_its_whole_gain() -> None:
    scores = [importance("a", -0.2, error=0.01), importance("b", 0.1, error=0.01)]
    plan = plan_pruning([field("a"), field("b"), field("c")], [*scores, importance("c", 9)], WIDE)
    told = plan.decisions[0]
    assert (told.predicted_loss, told.low, told.high) == (-0.2, scores[0].low, scores[0].high)
    assert plan.pruned == ["a", "b"]
    assert plan.predicted_loss == pytest.approx(-0.1)


def test_a_negative_importance_does_not_pay_for_another_field() -> None:
    assert planned({"a": -5.0, "b": 0.2, "c": 0.3}, max_predicted_loss=0.25).pruned == ["a", "b"]


def test_a_negative_importance_does_not_pay_for_another_field_of_its_group() -> None:
    limits = {"max_predicted_loss": 0.25, "groups": [["a", "b"]]}
    assert planned({"a": -5.0, "b": 0.3, "c": 0.2}, **limits).pruned == ["c"]


def test_what_hurts_takes_the_places_of_larger_tables() -> None:
    fields = [field("a", 10), field("b", 500), field("c", 10)]
    scores = [importance("a", -0.1), importance("b", 0.0), importance("c", -0.2)]
    assert plan_pruning(fields, scores, Pruning(max_fields=1)).pruned == ["c"]
    assert plan_pruning(fields, scores, Pruning(max_fields=2)).pruned == ["a", "c"]


def test_what_hurts_goes_even_where_the_budget_is_met() -> None:
    assert planned({"a": -0.1, "b": 0.1, "c": 0.1}, byte_budget=1_000).pruned == ["a"]


def test_what_only_seems_to_hurt_counts_by_its_upper_end() -> None:
    scores = [importance("a", -0.1, error=0.1), importance("b", 0.5)]
    fields = [field("a"), field("b")]
    assert plan_pruning(fields, scores, Pruning(max_predicted_loss=0.09)).pruned == []
    assert plan_pruning(fields, scores, Pruning(max_predicted_loss=0.1)).pruned == ["a"]


def test_max_fields_counts_fields_not_groups() -> None:
    limits = {"max_fields": 1, "groups": [["a", "b"]]}
    assert planned({"a": 0.1, "b": 0.1, "c": 0.2}, **limits).pruned == ["c"]


def test_a_group_with_a_field_on_the_keep_list_stays_whole() -> None:
    limits = {"keep": ["a"], "groups": [["a", "b"]]}
    assert planned({"a": -0.1, "b": -0.1, "c": 0.2}, **limits).pruned == ["c"]


@pytest.mark.parametrize("score", [-0.1, 0.0, 0.1])
def test_where_everything_would_go_the_most_important_stays_and_a_warning_says_so(
    score: float,
) -> None:
    fields = [field("a", 10), field("b", 99), field("c", 10)]
    scores = [
        importance(name, score + place / 1e3) for name, place in {"a": 0, "b": 2, "c": 1}.items()
    ]
    plan = plan_pruning(fields, scores, Pruning(max_predicted_loss=9))
    assert plan.kept == ["b"]
    assert plan.decisions[1].reason.endswith("the most important, and one field always stays")
    assert plan.warnings == ("the limits allow every field to go: the most important, b, stays",)


def test_where_no_field_fits_the_budget_alone_the_most_important_stays() -> None:
    fields = [field("a", 10), field("b", 99)]
    scores = [importance("a", 0.1), importance("b", 0.5)]
    plan = plan_pruning(fields, scores, Pruning(max_predicted_loss=9, byte_budget=39))
    assert plan.kept == ["b"]
    assert plan.warnings[0].endswith("every field to go: the most important, b, stays")


def test_where_a_field_fits_the_budget_alone_nothing_else_stays() -> None:
    fields = [field("a", 10), field("b", 99)]
    scores = [importance("a", 0.1), importance("b", 0.5)]
    plan = plan_pruning(fields, scores, Pruning(max_predicted_loss=9, byte_budget=40))
    assert (plan.kept, plan.warnings) == (["a"], ())


def test_the_only_field_stays_even_if_it_hurts() -> None:
    assert planned({"a": -0.1}).kept == ["a"]


@pytest.mark.parametrize(
    ("limits", "warning"),
    [
        ({"max_predicted_loss": 0.1}, "80 bytes: max_predicted_loss 0.1 stops it"),
        ({"max_fields": 2}, "40 bytes: max_fields 2 stops it"),
        (
            {"max_predicted_loss": 0.1, "max_fields": 2},
            "80 bytes: max_predicted_loss 0.1 and max_fields 2 stop it",
        ),
        ({"keep": ["c", "d"]}, "40 bytes: the keep list is larger"),
    ],
)
def test_a_missed_budget_is_told_with_what_stops_it(
    limits: dict[str, object], warning: str
) -> None:
    plan = planned({"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}, byte_budget=40, **limits)
    assert plan.warnings == (f"byte_budget 40 is missed by {warning}",)


def test_warnings_that_are_given_come_first() -> None:
    plan = plan_pruning([field("a")], [importance("a", -1.0)], Pruning(), ["not to be trusted"])
    assert plan.warnings[0] == "not to be trusted"
    assert len(plan.warnings) == 2


def test_what_is_left_of_a_model_can_be_planned_for_with_the_limits_of_the_whole() -> None:
    limits = {"keep": ["gone"], "groups": [["a", "gone"]], "max_fields": 1}
    assert planned({"a": 0.1, "b": 0.2}, **limits).pruned == ["a"]


@pytest.mark.parametrize(
    ("importances", "found"),
    [
        ([importance("a", 0.1)], "none for b"),
        ([importance(name, 0.1) for name in "abx"], "unknown fields x"),
        ([importance(name, 0.1) for name in "aab"], "more than one for a"),
        ([importance("a", 0.1), importance("b", float("nan"))], "not usable b nan ± 0.0"),
        ([importance("a", 0.1), importance("b", 0.1, float("nan"))], "not usable b 0.1 ± nan"),
        ([importance("a", 0.1), importance("b", 0.1, float("inf"))], "not usable b 0.1 ± inf"),
        ([importance("a", 0.1), importance("b", 0.1, -0.1)], "not usable b 0.1 ± -0.1"),
    ],
)
def test_importances_that_do_not_cover_the_fields_are_refused(
    importances: list[FieldImportance], found: str
) -> None:
    with pytest.raises(DataError, match="do not cover the fields") as error:
        plan_pruning([field("a"), field("b")], importances, Pruning())
    assert found in str(error.value)


def test_of_those_that_hurt_the_one_that_is_surest_to_goes_first() -> None:
    fields = [field(name) for name in ("sure", "unsure", "useful")]
    scores = [
        importance("sure", -0.001, 0.0001),
        importance("unsure", -0.002, 0.002),
        importance("useful", 1.0),
    ]
    plan = plan_pruning(fields, scores, Pruning(max_predicted_loss=0.0))
    assert plan.pruned == ["sure"]
    assert plan_pruning(fields, scores, Pruning(max_fields=1)).pruned == ["sure"]
