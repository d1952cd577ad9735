"""Scoring on a GPU says what scoring on the CPU says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from shark_core.errors import PermanentError
from shark_core.importance.finite import check_tables
from shark_core.importance.scoring import METHODS, REPLACEMENTS
from tests.importance.small_models import Gives, batches, labelled, scored, setting

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
CUDA = "cuda"


@pytest.mark.parametrize("replacement", REPLACEMENTS)
@pytest.mark.parametrize("method", METHODS)
def test_scores_on_cuda_are_those_on_the_cpu(tmp_path: Path, method: str, replacement: str) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 32)
    on_cpu = scored(model, parts, method, replacement)
    on_cuda = scored(
        model.to(CUDA), [part.to(torch.device(CUDA)) for part in parts], method, replacement
    )
    for name in model.kept:
        assert on_cuda.score(name) == pytest.approx(on_cpu.score(name), rel=1e-3, abs=1e-6)
        error = on_cpu.standard_error(name)
        assert on_cuda.standard_error(name) == pytest.approx(error, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_bf16_on_cuda_is_near_fp32_on_the_cpu(tmp_path: Path, method: str) -> None:
    config, model = setting(tmp_path)
    parts = batches(config, model, 32)
    exact = scored(model, parts, method)
    on_cuda = [part.to(torch.device(CUDA)) for part in parts]
    rough = scored(model.to(CUDA), on_cuda, method, precision="bf16")
    largest = max(abs(exact.score(name)) for name in model.kept)
    for name in model.kept:
        assert rough.score(name) == pytest.approx(exact.score(name), abs=0.02 * largest)


def test_a_sigmoid_is_found_out_on_cuda(tmp_path: Path) -> None:
    config, model = setting(tmp_path)
    model.head = Gives(torch.sigmoid)
    parts = labelled(model, batches(config, model, 32), torch.sigmoid)
    with pytest.raises(PermanentError, match="probabilities, not logits"):
        scored(model.to(CUDA), [part.to(torch.device(CUDA)) for part in parts], "logit_taylor")


def test_a_row_that_is_not_finite_is_found_on_cuda(tmp_path: Path) -> None:
    _, model = setting(tmp_path)
    with torch.no_grad():
        model.embeddings.weight("item")[13, 2] = float("nan")
    with pytest.raises(PermanentError, match="field 'item', row 13"):
        check_tables(model.to(CUDA))
