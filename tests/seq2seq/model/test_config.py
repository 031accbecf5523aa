"""Shapes that cannot be."""

from dataclasses import replace

import pytest

from tests.seq2seq.model.tiny import TINY


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cell", "transformer"),
        ("context", "never"),
        ("attention", "self"),
        ("hidden_size", 0),
        ("layers", 0),
        ("target_vocab_size", 0),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("input_feeding", True),
    ],
)
def test_impossible_options_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        replace(TINY, **{name: value})  # type: ignore[arg-type]
