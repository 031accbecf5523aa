"""What runs out of memory says so in several ways."""

import pytest
import torch

from seqlab.core.errors import is_out_of_memory


@pytest.mark.parametrize("elements", [2**50, 2**62])
def test_what_pytorch_raises(elements: int) -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(elements, dtype=torch.float64)
    assert is_out_of_memory(raised.value)


def test_a_gpu_and_python() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    with pytest.raises(MemoryError) as raised:
        bytearray(2**62)
    assert is_out_of_memory(raised.value)


def test_other_errors() -> None:
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"))
    assert not is_out_of_memory(OSError("out of memory"))
