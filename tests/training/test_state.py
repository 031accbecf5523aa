"""The state as JSON, there and back."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqlab.training.curves import EpochPoint, StepPoint
from seqlab.training.early_stopping import Best, EarlyStopping
from seqlab.training.learning_rate import Plateau
from seqlab.training.state import Totals, TrainingState
from seqlab.training.validator import ValidationScores

floats = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 10**12)
scores = st.builds(ValidationScores, floats, floats, floats, floats)
states = st.builds(
    TrainingState,
    step=counts,
    epoch=counts,
    batch=counts,
    learning_rate=floats,
    teacher_forcing_ratio=floats,
    clipped_steps=counts,
    largest_gradient_norm=floats,
    window=st.builds(Totals, counts, counts, floats, floats, floats),
    epoch_totals=st.builds(Totals, counts, counts, floats, floats, floats),
    plateau=st.builds(Plateau, floats, st.none() | floats, counts),
    early_stopping=st.builds(EarlyStopping, st.lists(st.builds(Best, counts, counts, scores), max_size=3), counts),
    step_points=st.lists(st.builds(StepPoint, counts, counts, *[floats] * 4), max_size=3),
    epoch_points=st.lists(st.builds(EpochPoint, counts, counts, *[floats] * 9), max_size=3),
)


@settings(deadline=None)
@given(states)
def test_there_and_back_to_the_last_bit(state: TrainingState) -> None:
    assert TrainingState.from_json(state.to_json()) == state


@pytest.mark.parametrize("text", ["", "[]", '{"step": "x"}', "\x00"])
def test_what_is_no_state(text: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting value|validation error"):
        TrainingState.from_json(text)


def test_totals_weigh_by_tokens() -> None:
    totals = Totals()
    totals.add(tokens=1, loss=4.0, nll=8.0, gradient_norm=1.0)
    totals.add(tokens=3, loss=2.0, nll=1.0, gradient_norm=2.0)
    assert math.isclose(totals.loss / totals.tokens, 2.5)
    assert (totals.steps, totals.nll, totals.gradient_norm) == (2, 11.0, 3.0)
