"""From the config's `model.head` to a head: built in, or the user's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from shark_core.errors import ConfigError
from shark_core.models.heads.dcn_v2 import DCNv2
from shark_core.models.heads.deepfm import DeepFM
from shark_core.models.heads.dlrm import DLRM
from shark_core.models.heads.wide_deep import WideDeep
from shark_core.models.model_spec import ModelSpec

HEADS: dict[str, type[nn.Module]] = {
    "deepfm": DeepFM,
    "dlrm": DLRM,
    "dcn_v2": DCNv2,
    "wide_deep": WideDeep,
}
PROBE_EXAMPLES = 3


def build_head(spec: ModelSpec) -> nn.Module:
    """The head that the spec names, tried on a few zero examples.

    Raises `ConfigError` where it cannot be imported, does not take the arguments or the options, or
    does not give one logit per example.
    """
    head = _construct(_head_class(spec.model.head), spec)
    found = _probe(head, spec)
    if found != (PROBE_EXAMPLES,):
        raise _bad_head(spec, f"logits of shape ({PROBE_EXAMPLES},)", f"shape {found}")
    return head


def _head_class(name: str) -> type[nn.Module]:
    if name in HEADS:
        return HEADS[name]
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            "the model's head cannot be imported",
            expected=f"one of {list(HEADS)}, or package.module:Class on the Python path",
            found=f"{name!r}: {error}",
            where="model.head",
            remedy="correct the name, or set PYTHONPATH so that the module is found",
        ) from error
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ConfigError(
            "the model's head is not a torch module",
            expected="a class derived from torch.nn.Module",
            found=repr(found),
            where=f"model.head {name!r}",
            remedy="name the class itself",
        )
    return found


def _construct(head_class: Callable[..., nn.Module], spec: ModelSpec) -> nn.Module:
    arguments: dict[str, Any] = {
        "field_dims": spec.field_dims,
        "num_dense": len(spec.dense_features),
        "hidden_units": spec.model.hidden_units,
        **spec.model.options,
    }
    try:
        return head_class(**arguments)
    except TypeError as error:
        raise _bad_head(spec, f"a class that takes {list(arguments)}", error) from error


def _probe(head: nn.Module, spec: ModelSpec) -> tuple[int, ...] | None:
    """The shape that the head gives for `PROBE_EXAMPLES` examples; None for no tensor."""
    pooled = {name: torch.zeros(PROBE_EXAMPLES, dim) for name, dim in spec.field_dims.items()}
    dense = torch.zeros(PROBE_EXAMPLES, len(spec.dense_features))
    training = head.training
    try:
        with torch.no_grad():
            logits = head.eval()(pooled, dense)
    except (TypeError, RuntimeError, ValueError, IndexError, KeyError) as error:
        raise _bad_head(spec, "forward(pooled, dense) -> logits", error) from error
    finally:
        head.train(training)
    return tuple(logits.shape) if isinstance(logits, Tensor) else None


def _bad_head(spec: ModelSpec, expected: str, found: object) -> ConfigError:
    return ConfigError(
        f"head {spec.model.head!r} does not fit",
        expected=expected,
        found=found,
        where="model.head, model.options",
        remedy="shark_core/models/heads/__init__.py says what a head takes and gives",
    )
