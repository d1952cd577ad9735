"""Every decision says why, with figures that belong to it alone."""

from __future__ import annotations

import pytest

from shark_core.config_sections import Pruning
from shark_core.pruning.planning import plan_pruning
from tests.pruning.plan_cases import field, importance


def reasons(scores: dict[str, float], **limits: object) -> dict[str, str]:
    plan = plan_pruning(
        [field(name) for name in scores],
        [importance(name, score, error=0.001) for name, score in scores.items()],
        Pruning.model_validate({"max_predicted_loss": 9, **limits}),
    )
    return {decision.field: decision.reason for decision in plan.decisions}


def test_a_plan_with_a_limit_on_loss_and_a_keep_list() -> None:
    assert reasons(
        {"a": 0.1, "b": -0.2, "c": 0.9, "d": 0.3}, max_predicted_loss=0.25, keep=["c"]
    ) == {
        "a": "pruned: importance 0.1 [0.098, 0.102]; saves 40 bytes",
        "b": "pruned: importance -0.2 [-0.202, -0.198], hurts; saves 40 bytes",
        "c": "kept: on the keep list",
        "d": "kept: importance 0.3 [0.298, 0.302]; would take the predicted loss to 0.404, "
        "past max_predicted_loss 0.25",
    }


def test_a_plan_with_groups() -> None:
    scores = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.3, "e": 0.4, "f": 0.5}
    groups = [["a", "b"], ["d", "c"], ["f", "e"]]
    assert reasons(scores, groups=groups, keep=["f"], max_predicted_loss=0.5) == {
        "a": "pruned: importance 0.1 [0.098, 0.102]; saves 40 bytes; goes with b",
        "b": "pruned: importance 0.2 [0.198, 0.202]; saves 40 bytes; goes with a",
        "c": "kept: importance 0.3 [0.298, 0.302]; would take the predicted loss to 0.908, past "
        "max_predicted_loss 0.5; lives with d",
        "d": "kept: importance 0.3 [0.298, 0.302]; would take the predicted loss to 0.908, past "
        "max_predicted_loss 0.5; lives with c",
        "e": "kept: lives with f, which is on the keep list",
        "f": "kept: on the keep list",
    }


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_fields": 1}, "would be past max_fields 1"),
        ({"byte_budget": 80}, "byte_budget 80 is met without it"),
    ],
)
def test_a_field_kept_by_a_limit_names_the_limit(limits: dict[str, int], reason: str) -> None:
    told = reasons({"a": 0.1, "b": 0.2, "c": 0.3}, **limits)
    assert told["a"].startswith("pruned: ")
    assert told["b"] == f"kept: importance 0.2 [0.198, 0.202]; {reason}"
    assert told["c"] == f"kept: importance 0.3 [0.298, 0.302]; {reason}"
