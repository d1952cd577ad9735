"""What a scoring pass adds up: mergeable, so that examples can be scored in parts.

Parts that are cut between batches, and whose batches are numbered as in the whole, merge to what
one process finds, but for the rounding of float64 sums in another order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from shark_core.errors import DataError
from shark_core.importance.logits import ONLY_LOGIT, task_names
from shark_core.importance.method import ExampleScores
from shark_core.importance.output_sums import OutputSums
from shark_core.importance.shape_checks import check_labels
from shark_core.models.batch import Batch
from shark_core.models.ctr_model import CtrModel


@dataclass(frozen=True)
class MeanEmbeddings:
    """Sums of pooled embeddings `(D_f,)` float64 by field, over `examples`.

    `positives`: how many of them are, by task.
    """

    sums: dict[str, Tensor]
    examples: int
    positives: dict[str, int]

    @classmethod
    @torch.no_grad()
    def of(cls, model: CtrModel, batch: Batch) -> Self:
        """Of one batch: the fields that have a table. Raises `ConfigError` for labels' shape."""
        tasks = task_names(model.head)
        check_labels(batch.label, len(batch), tasks)
        pooled = model.embeddings(batch)
        sums = {name: pooled[name].sum(dim=0, dtype=torch.float64) for name in model.kept}
        columns = batch.label.reshape(len(batch), -1).sum(dim=0).tolist()  # one a task
        positives = dict(zip(tasks or [ONLY_LOGIT], map(int, columns), strict=True))
        return cls(sums, len(batch), positives)

    def merge(self, other: Self) -> Self:
        """Raises `DataError` where the two are not of the same fields and tasks."""
        _check_same("fields", sorted(self.sums), sorted(other.sums))
        _check_same("tasks", sorted(self.positives), sorted(other.positives))
        return type(self)(
            sums={name: total + other.sums[name] for name, total in self.sums.items()},
            examples=self.examples + other.examples,
            positives={task: n + other.positives[task] for task, n in self.positives.items()},
        )

    def means(self) -> dict[str, Tensor]:
        """`ē_f` `(D_f,)` float32 by field."""
        return {name: (total / self.examples).float() for name, total in self.sums.items()}


@dataclass(frozen=True)
class ScoreSums:
    """Σ s and Σ s² of the examples' scores, float64, by field.

    `way`: how they were scored, `Method.way`. `outputs`: what the model gave, by scored task.
    """

    sums: dict[str, float]
    squares: dict[str, float]
    examples: int
    way: str = ""
    outputs: dict[str, OutputSums] = field(default_factory=dict)

    @classmethod
    def of(cls, scores: ExampleScores, way: str) -> Self:
        """Of one batch. One transfer from a GPU for all fields, not one a field."""
        stacked = torch.stack(list(scores.by_field.values())).double()  # (fields, B)
        sums, squares = torch.stack([stacked.sum(dim=1), stacked.square().sum(dim=1)]).tolist()
        return cls(
            sums=dict(zip(scores.by_field, sums, strict=True)),
            squares=dict(zip(scores.by_field, squares, strict=True)),
            examples=stacked.shape[1],
            way=way,
            outputs={task.name: OutputSums.of(task) for task in scores.tasks},
        )

    def merge(self, other: Self) -> Self:
        """Raises `DataError` where the two are not of the same fields, scored in the same way."""
        _check_same("fields", sorted(self.sums), sorted(other.sums))
        _check_same("scores", self.way, other.way)
        return type(self)(
            sums={name: total + other.sums[name] for name, total in self.sums.items()},
            squares={name: total + other.squares[name] for name, total in self.squares.items()},
            examples=self.examples + other.examples,
            way=self.way,
            outputs={task: seen.merge(other.outputs[task]) for task, seen in self.outputs.items()},
        )

    def score(self, name: str) -> float:
        return self.sums[name] / self.examples

    def standard_error(self, name: str) -> float:
        """`√(sample variance / n)`; infinite for one example, which says nothing of the spread."""
        if self.examples < 2:
            return math.inf
        mean = self.score(name)
        variance = (self.squares[name] - self.examples * mean**2) / (self.examples - 1)
        return math.sqrt(max(variance, 0.0) / self.examples)


def _check_same(what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise DataError(
            "parts of a scoring do not fit together",
            expected=f"{what} as in the first part: {ours}",
            found=theirs,
            where="merge",
            remedy="score all parts with the same model, the means of all examples and the same "
            "settings",
        )
