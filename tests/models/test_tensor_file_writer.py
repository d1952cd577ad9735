"""Safetensors written in parts, against the format's own reader."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file

from shark_core.models.tensor_file_writer import DTYPES, TensorLayout, open_tensor_writer

SHAPES = st.lists(st.integers(0, 5), max_size=3).map(tuple)


@settings(max_examples=50, deadline=None)
@given(
    entries=st.lists(st.tuples(st.sampled_from(list(DTYPES)), SHAPES), max_size=5),
    order=st.randoms(use_true_random=False),
)
def test_any_tensors_in_any_order_are_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    entries: list[tuple[torch.dtype, tuple[int, ...]]],
    order: object,
) -> None:
    path = tmp_path_factory.mktemp("tensors") / "t.safetensors"
    tensors = {
        f"t{place}": torch.arange(torch.Size(shape).numel()).reshape(shape).to(dtype)
        for place, (dtype, shape) in enumerate(entries)
    }
    layouts = {name: TensorLayout.of(tensor) for name, tensor in tensors.items()}
    names = list(tensors)
    order.shuffle(names)  # type: ignore[attr-defined]
    with open_tensor_writer(path, layouts, {"made": "here"}) as file:
        for name in names:
            file.write(name, tensors[name].flatten().split(2))
    found = load_file(path)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)
    with safe_open(path, framework="pt") as opened:
        assert opened.metadata() == {"made": "here"}


LAYOUTS = {"a": TensorLayout(torch.float32, (2, 3)), "b": TensorLayout(torch.uint8, (1,))}


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([torch.zeros(5)], "got 20 bytes"),
        ([torch.zeros(6), torch.zeros(1)], "got 28 bytes"),
        ([torch.zeros(3).double()], "float64"),
    ],
)
def test_what_does_not_fit_the_header_is_refused(
    tmp_path: Path, parts: list[torch.Tensor], says: str
) -> None:
    with (
        pytest.raises(ValueError, match=says),
        open_tensor_writer(tmp_path / "t", LAYOUTS, {}) as file,
    ):
        file.write("a", parts)


def test_a_tensor_that_was_not_written_is_told(tmp_path: Path) -> None:
    told: list[int] = []
    with (
        pytest.raises(ValueError, match=r"never written: \['b'\]"),
        open_tensor_writer(tmp_path / "t", LAYOUTS, {}, told.append) as file,
    ):
        file.write("a", [torch.zeros(3), torch.zeros(3)])
    assert told == [12, 12]
