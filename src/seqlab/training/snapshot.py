"""A training under way, as a record and tensors, and back."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from seqlab.seq2seq.checkpoint import load_tensors, model_tensors
from seqlab.training.digests import ParameterDigests
from seqlab.training.optimizer import optimizer_tensors, restore_optimizer
from seqlab.training.resume import SavedState
from seqlab.training.state import TrainingState
from seqlab.training.update import Updater

_MODEL, _AVERAGE, _OPTIMIZER, _DIGESTS = "model/", "average/", "optimizer/", "digests"


def take(
    state: TrainingState, updater: Updater, digests: ParameterDigests, kept: Sequence[Mapping[str, Tensor]]
) -> SavedState:
    """Everything that a training needs to go on: state, model, optimizer, digests, and the best parameters so far."""
    tensors = {
        **_prefixed(_MODEL, model_tensors(updater.model)),
        **_prefixed(_OPTIMIZER, optimizer_tensors(updater.optimizer, updater.model)),
        _DIGESTS: digests.table,
    }
    if updater.average:
        tensors |= _prefixed(_AVERAGE, model_tensors(updater.average.model))
    for place, parameters in enumerate(kept):
        tensors |= _prefixed(_kept(place), parameters)
    return SavedState(state.to_json(), tensors)


def restore(
    saved: SavedState, updater: Updater, digests: ParameterDigests
) -> tuple[TrainingState, list[dict[str, Tensor]]]:
    """Put model, optimizer and digests back; return the state and the best parameters so far, best first.

    Raises:
        ValueError: the saved state is of another model, or of another version of seqlab.
    """
    state = TrainingState.from_json(saved.record)
    if _DIGESTS not in saved.tensors:
        raise ValueError("digests missing")
    digests.restore(saved.tensors[_DIGESTS], state.step)
    load_tensors(updater.model, _unprefixed(_MODEL, saved.tensors))
    if updater.average:
        load_tensors(updater.average.model, _unprefixed(_AVERAGE, saved.tensors))
        updater.average.restore(state.step)
    restore_optimizer(updater.optimizer, updater.model, _unprefixed(_OPTIMIZER, saved.tensors))
    kept = [_unprefixed(_kept(place), saved.tensors) for place in range(len(state.early_stopping.kept))]
    if not all(kept):
        raise ValueError("kept parameters missing")
    return state, kept


def _kept(place: int) -> str:
    return f"kept-{place}/"


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def _unprefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
