"""Do a head's outputs and the labels have the shapes that fit each other?"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from shark_core.errors import ConfigError


def check_shape(output: object, examples: int, tasks: Sequence[str]) -> None:
    """Raises `ConfigError` unless it is a float tensor `(B,)`, or `(B, T)` with T tasks."""
    expected = (examples, len(tasks)) if tasks else (examples,)
    if isinstance(output, Tensor) and output.is_floating_point() and output.shape == expected:
        return
    found = f"{output.dtype} {tuple(output.shape)}" if isinstance(output, Tensor) else type(output)
    raise ConfigError(
        "the model's output is not a logit",
        expected=f"floating-point numbers of shape {expected}",
        found=found,
        where="the head's forward",
        remedy="give one logit per example, which is all that a config's model.head may give; a "
        "head of several tasks is for the library only: put it into a CtrModel and name its "
        "columns in the attribute `tasks`",
    )


def check_labels(label: Tensor, examples: int, tasks: Sequence[str]) -> None:
    """Raises `ConfigError` unless they are `(B,)`, or `(B, T)` with T tasks."""
    expected = (examples, len(tasks)) if tasks else (examples,)
    if label.shape == expected:
        return
    order = f", in the order of {list(tasks)}" if tasks else ""
    raise ConfigError(
        "the labels do not fit the model's logits",
        expected=f"labels of shape {expected}{order}",
        found=f"shape {tuple(label.shape)}",
        remedy="give one label an example; for a model of several tasks, one column a task",
    )
