"""Parts that are scored by several processes: the whole's answer, or a refusal."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from shark_core.config_sections import Importance
from shark_core.errors import DataError
from shark_core.importance.logits import Logits
from shark_core.importance.method import Method
from shark_core.importance.score_sums import MeanEmbeddings, ScoreSums
from shark_core.importance.scoring import (
    METHODS,
    REPLACEMENTS,
    importance_method,
    mean_embeddings,
    score_sums,
)
from tests.importance.small_models import batches, scored, setting

WAYS = [(method, replacement) for method in METHODS for replacement in REPLACEMENTS]
PARTS = (slice(0, 4), slice(4, 9))  # of nine batches of ten examples


def method_of(way: tuple[str, str], means: dict[str, Tensor]) -> Method:
    method, replacement = way
    settings = Importance(method=method, replacement=replacement)  # type: ignore[arg-type]
    return importance_method(settings, means, seed=0)


def means_of_part(root: Path, part: slice) -> bytes:
    """In a process of its own, as all that has `_of_part` in its name."""
    config, model = setting(root)
    return pickle.dumps(mean_embeddings(model, batches(config, model, 10)[part]))


def scores_of_part(root: Path, means: bytes, part: slice) -> bytes:
    config, model = setting(root)
    chosen, whole = batches(config, model, 10)[part], read(means).means()
    found = [score_sums(model, chosen, method_of(way, whole), part.start) for way in WAYS]
    return pickle.dumps(found)


def read(part: bytes) -> Any:
    return pickle.loads(part)  # noqa: S301 - written above


def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    roots = [tmp_path / str(part.start) for part in PARTS]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        first, second = (read(part) for part in pool.map(means_of_part, roots, PARTS))
        means = first.merge(second)
        given = [pickle.dumps(means)] * 2
        scores = [read(part) for part in pool.map(scores_of_part, roots, given, PARTS)]
    config, model = setting(tmp_path)
    whole = batches(config, model, 10)
    in_one = mean_embeddings(model, whole)
    assert (means.examples, means.positives) == (in_one.examples, in_one.positives)
    for name, mean in in_one.means().items():
        torch.testing.assert_close(means.means()[name], mean)
    for way, one, other in zip(WAYS, *scores, strict=True):
        check_same(one.merge(other), score_sums(model, whole, method_of(way, in_one.means())))


def check_same(merged: ScoreSums, whole: ScoreSums) -> None:
    assert merged.examples == whole.examples == 90
    assert merged.sums == pytest.approx(whole.sums, rel=1e-6, abs=1e-9)
    assert merged.squares == pytest.approx(whole.squares, rel=1e-6, abs=1e-9)
    (seen,), (expected,) = merged.outputs.values(), whole.outputs.values()
    assert seen.positives == expected.positives
    assert seen.as_logits == pytest.approx(expected.as_logits, rel=1e-12)


def test_batches_numbered_anew_in_each_part_draw_other_donors(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    whole = batches(config, model, 10)
    way = method_of(("permutation", "donors"), {})
    numbered, anew = (score_sums(model, whole[4:], way, first).sums for first in (4, 0))
    assert numbered != anew


def of_parts(root: Path) -> tuple[MeanEmbeddings, ScoreSums]:
    config, model = setting(root)
    parts = batches(config, model, 30)
    return mean_embeddings(model, parts), scored(model, parts, "logit_taylor")


def without_tags(sums: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sums.items() if name != "tags"}


@pytest.mark.parametrize("swapped", [False, True], ids=["other has fewer", "other has more"])
@pytest.mark.parametrize("which", [0, 1], ids=["means", "scores"])
def test_parts_of_other_fields_are_refused(tmp_path: Path, which: int, swapped: bool) -> None:
    whole: Any = of_parts(tmp_path)[which]
    fewer = replace(whole, sums=without_tags(whole.sums))
    first, second = (fewer, whole) if swapped else (whole, fewer)
    with pytest.raises(DataError, match=r"do not fit together(.|\n)*fields(.|\n)*'user'\]"):
        first.merge(second)


def test_means_of_other_tasks_are_refused(tmp_path: Path) -> None:
    means, _ = of_parts(tmp_path)
    with pytest.raises(DataError, match=r"tasks as in the first part: \[''\]\n(.*)'click'"):
        means.merge(replace(means, positives={"click": 3}))


def other_means(settings: Importance, means: dict[str, Tensor]) -> Method:
    moved = {name: mean + 1e-6 for name, mean in means.items()}
    return importance_method(settings, moved, seed=0)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(other_means, id="the means of its own part"),
        pytest.param(
            lambda settings, means: importance_method(
                settings.model_copy(update={"method": "permutation"}), means, seed=0
            ),
            id="another method",
        ),
        pytest.param(
            lambda settings, means: importance_method(
                settings.model_copy(update={"replacement": "donors"}), means, seed=0
            ),
            id="another replacement",
        ),
        pytest.param(
            lambda settings, means: importance_method(
                settings.model_copy(update={"precision": "bf16"}), means, seed=0
            ),
            id="another precision",
        ),
    ],
)
def test_parts_scored_in_another_way_are_refused(
    tmp_path: Path, other: Callable[[Importance, dict[str, Tensor]], Method]
) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 30)
    settings, means = Importance(), mean_embeddings(model, parts).means()
    first = score_sums(model, parts[:1], importance_method(settings, means, seed=0))
    second = score_sums(model, parts[1:], other(settings, means), first_batch=1)
    with pytest.raises(DataError, match=r"scores as in the first part: logit_taylor by mean "):
        first.merge(second)


def test_parts_scored_by_other_donors_are_refused(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    parts, settings = batches(config, model, 30), Importance(replacement="donors")
    first, second = (
        score_sums(model, parts, importance_method(settings, {}, seed)) for seed in (0, 1)
    )
    with pytest.raises(DataError, match=r"4 donors of seed 0(.|\n)*4 donors of seed 1"):
        first.merge(second)


def test_parts_of_other_tasks_are_refused() -> None:
    ways = [Logits({task: 1.0}).way for task in ("click", "like")]
    first, second = (ScoreSums({"f": 1.0}, {"f": 1.0}, 1, way) for way in ways)
    with pytest.raises(DataError, match=r"'click'(.|\n)*'like'"):
        first.merge(second)
