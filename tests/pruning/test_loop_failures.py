"""What goes wrong in a trial is told with the step that it was for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shark_core.config_sections import Pruning
from shark_core.errors import DataError, PermanentError, SharkError
from shark_core.pruning.permitted import Permitted
from shark_core.pruning.progress import Progress
from tests.pruning.planted_losses import (
    Losses,
    PlantedModel,
    PlantedTrials,
    field_of,
    pruned_by_steps,
)


def test_fields_without_a_score_are_an_error() -> None:
    fields = [field_of("a"), field_of("b")]
    permitted = Permitted.of(["a", "b"], fields, Pruning())
    with pytest.raises(DataError, match=r"none for \['b'\]"):
        Progress.start(fields, Pruning(), permitted, Losses({"a": 0.0}).importances())


class Diverging(PlantedTrials):
    def finetune(self, pruned: Sequence[str]) -> PlantedModel:
        if pruned:
            raise PermanentError("the loss is not finite in finetuning", found="nan")
        return super().finetune(pruned)


def test_a_trial_that_diverges_is_named_by_its_fields() -> None:
    losses = Losses({"a": 0.0, "b": 0.0, "z": 9.0})
    with pytest.raises(PermanentError, match=r"step 01(.|\n)*not finite(.|\n)*without a, b"):
        pruned_by_steps(losses, trials=Diverging(losses), max_predicted_loss=1.0)


class NeverFinite(PlantedTrials):
    def finetune(self, pruned: Sequence[str]) -> PlantedModel:
        raise PermanentError("the loss is not finite in finetuning", found="nan")


def test_a_reference_that_diverges_names_no_fields_to_keep() -> None:
    losses = Losses({"a": 0.0, "z": 9.0})
    with pytest.raises(PermanentError, match="nothing pruned") as error:
        pruned_by_steps(losses, trials=NeverFinite(losses))
    assert str(error.value).endswith("do:       lower finetuning's learning rates")


class WithoutExamples(PlantedTrials):
    def finetune(self, pruned: Sequence[str]) -> PlantedModel:
        raise DataError("the validation slice has no example")


def test_bad_data_is_told_as_it_is() -> None:
    losses = Losses({"a": 0.0, "z": 9.0})
    with pytest.raises(DataError, match="no example"):
        pruned_by_steps(losses, trials=WithoutExamples(losses))


def test_a_field_left_over_for_no_reason_is_a_defect_to_file() -> None:
    fields = [field_of("a"), field_of("b")]
    limits = Pruning(max_predicted_loss=1.0)
    permitted = Permitted.of(["a"], fields, limits)
    start = Progress.start(fields, limits, permitted, Losses({"a": 0.0}).importances())
    with pytest.raises(SharkError, match=r"none that keeps a(.|\n)*do: +file this with the log"):
        start.outcome("plan")
