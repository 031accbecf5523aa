"""The stage train as whoever runs it calls it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from seqlab.training import stage
from seqlab.training.events import BatchFinished, Event
from seqlab.training.interruption import Interrupted
from tests.training.conftest import STEPS_PER_EPOCH, make_params, stop_at

EPOCHS = 2


def test_a_state_of_another_numerics_class_is_left_alone(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on the nodes of a cluster that are not alike: what is saved on one is not ended on another."""
    computed: list[Event] = []

    def train(numerics: str, *, stop: Callable[[], bool] = lambda: False, epochs: int = EPOCHS) -> int:
        """Train; return how many steps were computed."""
        monkeypatch.setattr(stage, "class_digest", lambda _: numerics)
        computed.clear()
        stage.train_stage(
            make_params(train={"epochs": epochs}),
            data=corpus,
            models=tmp_path / "models",
            reports=tmp_path / "reports",
            checkpoints=tmp_path / "checkpoints",
            fingerprint="f",
            continuation="c",
            listeners=[computed.append],
            stop=stop,
        )
        return sum(isinstance(event, BatchFinished) for event in computed)

    with pytest.raises(Interrupted):
        train("avx512", stop=stop_at(2))
    assert train("avx2") == EPOCHS * STEPS_PER_EPOCH
    assert train("avx512") == EPOCHS * STEPS_PER_EPOCH - 2
    # Nor does a longer training go on from there.
    assert train("neon", epochs=EPOCHS + 1) == (EPOCHS + 1) * STEPS_PER_EPOCH
    assert train("avx2", epochs=EPOCHS + 1) == STEPS_PER_EPOCH
