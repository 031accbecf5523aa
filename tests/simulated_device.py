"""A second device in PyTorch's eyes, whose memory is the computer's own.

A GPU's kernels cannot be tried without a GPU. That no tensor is left behind on the CPU, that none is made on the wrong
device, and that values come back only where they are asked for, can: tensors of this device hide theirs in a CPU
tensor, every operation is carried out on it, and one that mixes the devices fails as it would on a GPU. In PyTorch's
tables the device stands where those of accelerator vendors do (PrivateUse1), and its recurrent cells are the fused ones
of GPUs.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

from seqlab.seq2seq.engines.choice import CPU, FAST

NAME = "simulated"
# Copies between devices; and those that PyTorch wants lengths of on the CPU for.
_CROSSING = {"aten::copy_", "aten::_to_copy", "aten::_pack_padded_sequence", "aten::_pack_padded_sequence_backward"}
# A program that asks a GPU for a value waits until the GPU has caught up with it.
_ASKING = {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select"}
_waits: Counter[str] = Counter()


@contextmanager
def simulated_device() -> Iterator[str]:
    """The device's name; usable inside alone."""
    _register()
    _waits.clear()
    one_thread = torch.autograd.set_multithreading_enabled(False)
    with patch.dict(FAST, {NAME: CPU}), one_thread, _Mode():  # type: ignore[no-untyped-call]
        yield NAME


def waits() -> Counter[str]:
    """The operations that had to wait for the device, since it was made."""
    return _waits.copy()


@cache
def _register() -> None:
    # Autograd starts threads for the devices that it finds at its first use, and is of no use after a fork then.
    torch.ones((), requires_grad=True).backward()  # type: ignore[no-untyped-call]
    _setup_privateuseone_for_python_backend(NAME, backend_module=_Module())


class _Module(_DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


class _Tensor(Tensor):
    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor, requires_grad: bool = False) -> "_Tensor":
        with torch.inference_mode(here.is_inference()):
            made: _Tensor = Tensor._make_wrapper_subclass(
                cls,
                here.shape,
                strides=here.stride(),
                storage_offset=here.storage_offset(),
                dtype=here.dtype,
                device=torch.device(NAME, 0),
                requires_grad=requires_grad,
            )
        made.here = here
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    def __repr__(self) -> str:  # type: ignore[override]
        return f"{NAME}({self.here})"

    def tolist(self) -> Any:
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _run(func, args, kwargs or {})


class _Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(operation: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Carry out an operation on the hidden tensors, and hide what it gives, if it belongs on the device."""
    name = operation._schema.name
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = [tensor for tensor in tensors if isinstance(tensor, _Tensor)]
    if there and operation._can_decompose():
        # Without autograd PyTorch leaves it to us to take composite operations apart.
        with _Mode():  # type: ignore[no-untyped-call]
            return operation.decompose(*args, **kwargs)
    # A scalar on the CPU may stand beside tensors of any device.
    here = [tensor for tensor in tensors if not isinstance(tensor, _Tensor) and tensor.dim()]
    if there and here and name not in _CROSSING:
        raise RuntimeError(f"{name}: tensors on the {NAME} device ({there[0].shape}) and on the CPU ({here[0].shape})")
    on_device = bool(there)
    if kwargs.get("device") is not None:
        on_device = torch.device(kwargs["device"]).type == NAME
        kwargs = kwargs | {"device": torch.device("cpu")}
    elif name == "aten::copy_":
        on_device = isinstance(args[0], _Tensor)
    if there and (name in _ASKING or not on_device):
        _waits[name] += 1
    # What an operation writes into stays the tensor it is.
    hidden = {id(tensor.here): tensor for tensor in there}
    if torch.Tag.inplace_view in operation.tags:
        # Their shapes change as their hidden tensors' do.
        with no_dispatch():
            operation(*args, **kwargs)
    args, kwargs = tree_map(lambda leaf: leaf.here if isinstance(leaf, _Tensor) else leaf, (args, kwargs))
    result = _CELLS.get(name, operation)(*args, **kwargs)
    if name == "aten::_pack_padded_sequence" and on_device:
        return _Tensor(result[0]), result[1]
    if not on_device:
        return result
    return tree_map(lambda leaf: hidden.get(id(leaf), _Tensor(leaf)) if isinstance(leaf, Tensor) else leaf, result)


def _gru_cell(
    inputs: Tensor, hidden: Tensor, state: Tensor, input_bias: Tensor, hidden_bias: Tensor
) -> tuple[Tensor, Tensor]:
    of_input, of_hidden = (inputs + input_bias).chunk(3, 1), (hidden + hidden_bias).chunk(3, 1)
    reset, update = ((a + b).sigmoid() for a, b in zip(of_input[:2], of_hidden[:2], strict=True))
    new = (of_input[2] + reset * of_hidden[2]).tanh()
    return new + update * (state - new), torch.cat([reset, update, new, state, of_hidden[2]], 1)


def _gru_cell_backward(gradient: Tensor, workspace: Tensor, has_bias: bool) -> tuple[Tensor, ...]:
    reset, update, new, state, hidden = workspace.chunk(5, 1)
    of_new = gradient * (1 - update) * (1 - new**2)
    gates = [of_new * hidden * reset * (1 - reset), gradient * (state - new) * update * (1 - update)]
    of_input, of_hidden = torch.cat([*gates, of_new], 1), torch.cat([*gates, of_new * reset], 1)
    return of_input, of_hidden, gradient * update, of_input.sum(0), of_hidden.sum(0)


def _lstm_cell(
    inputs: Tensor, hidden: Tensor, cell: Tensor, input_bias: Tensor, hidden_bias: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    into, forget, new, out = (inputs + input_bias + hidden + hidden_bias).chunk(4, 1)
    into, forget, new, out = into.sigmoid(), forget.sigmoid(), new.tanh(), out.sigmoid()
    after = forget * cell + into * new
    return out * after.tanh(), after, torch.cat([into, forget, new, out], 1)


def _lstm_cell_backward(
    of_state: Tensor | None, of_cell: Tensor | None, cell: Tensor, after: Tensor, workspace: Tensor, has_bias: bool
) -> tuple[Tensor, Tensor, Tensor]:
    into, forget, new, out = workspace.chunk(4, 1)
    of_state = torch.zeros_like(cell) if of_state is None else of_state
    through = of_state * out * (1 - after.tanh() ** 2) + (0 if of_cell is None else of_cell)
    gates = [
        through * new * into * (1 - into),
        through * cell * forget * (1 - forget),
        through * into * (1 - new**2),
        of_state * after.tanh() * out * (1 - out),
    ]
    of_gates = torch.cat(gates, 1)
    return of_gates, through * forget, of_gates.sum(0)


# The fused cells exist on accelerators alone; the layouts of the workspaces are our own.
_CELLS: dict[str, Callable[..., Any]] = {
    "aten::_thnn_fused_gru_cell": _gru_cell,
    "aten::_thnn_fused_gru_cell_backward": _gru_cell_backward,
    "aten::_thnn_fused_lstm_cell": _lstm_cell,
    "aten::_thnn_fused_lstm_cell_backward_impl": _lstm_cell_backward,
}
