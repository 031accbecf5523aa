"""CUDA graphs without a GPU: a capture that does its work again, and fails on anything that a graph would not do.

A graph replays the kernels that it was captured with, on the memory and with the numbers they had then. So at every
replay the operations must be those of the capture, of the same shapes and with the same numbers from the host; and none
may ask the device for a value, for there is nobody who could wait for the answer.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# What cannot be answered before the device has come so far; of some, not even their result's shape.
_ASKING = {
    "aten::_local_scalar_dense",
    "aten::is_nonzero",
    "aten::nonzero",
    "aten::masked_select",
    "aten::_unique2",
    "aten::equal",
    "aten::repeat_interleave.Tensor",
    "aten::_pack_padded_sequence",
}


class RefusedError(RuntimeError):
    """A graph would not do this."""


class StandIn:
    """A `Capture`; counts what it captured and replayed."""

    def __init__(self) -> None:
        self.captured = 0
        self.replayed = 0

    def __call__(self, work: Callable[[], None]) -> Callable[[], None]:
        """Note what the work does, without doing it, as a graph is captured."""
        self.captured += 1
        expected: list[Any] = []

        def replay() -> None:
            self.replayed += 1
            with _watched() as done:
                work()
            if not expected:
                expected.extend(done)
            for number, (before, now) in enumerate(zip(expected, done, strict=False)):
                if before != now:
                    raise RefusedError(f"operation {number} was {before}, and is {now}: a graph would do the former")
            if len(expected) != len(done):
                raise RefusedError(f"{len(expected)} operations were captured, and {len(done)} done")

        return replay


@contextmanager
def _watched() -> Iterator[list[Any]]:
    with torch.autograd.set_multithreading_enabled(False), _Watch() as watch:
        yield watch.done


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.done: list[Any] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        if func._can_decompose():
            # Without autograd PyTorch leaves it to us to take composite operations apart.
            with self:
                return func.decompose(*args, **(kwargs or {}))
        name = func._schema.name
        if name in _ASKING or f"{name}.{func._overloadname}" in _ASKING or _asks_by_index(name, args):
            raise RefusedError(f"{name} asks the device")
        leaves = tree_leaves((args, kwargs or {}))
        self.done.append((name, *(tuple(leaf.shape) if isinstance(leaf, Tensor) else str(leaf) for leaf in leaves)))
        return func(*args, **(kwargs or {}))


def _asks_by_index(name: str, args: Sequence[Any]) -> bool:
    """A mask as an index must be counted first."""
    if name not in ("aten::index", "aten::index_put_", "aten::index_put", "aten::_index_put_impl_"):
        return False
    return any(isinstance(index, Tensor) and index.dtype == torch.bool for index in args[1])
