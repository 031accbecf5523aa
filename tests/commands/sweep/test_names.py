"""Names of members: readable, unique, and what git and DVC take."""

import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqlab.commands.sweep.names import LONGEST, member_names


def points(**values: list[Any]) -> list[dict[str, Any]]:
    """Points of a grid whose parameters all change together; `__` stands for the dot."""
    names = [name.replace("__", ".") for name in values]
    return [dict(zip(names, each, strict=True)) for each in zip(*values.values(), strict=True)]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"train__teacher_forcing_ratio": [0.5, 1.0], "model__hidden_size": [64, 128]}, ["tf0.50-h64", "tf1.00-h128"]),
        ({"train__teacher_forcing_ratio": [0.125, 0.333]}, ["tf0.125", "tf0.333"]),
        ({"model__attention": ["none", "dot"], "seed": [1, 2]}, ["attention-none-s1", "attention-dot-s2"]),
        ({"corpus__name": ["grammar", "files"], "seed": [1, 2]}, ["grammar-s1", "files-s2"]),
        (
            {"seed": [1, 2], "model__cell": ["gru", "lstm"], "tokenizer__kind": ["bpe", "word"]},
            ["s1-gru-bpe", "s2-lstm-word"],
        ),
        ({"model__bidirectional": [True, False]}, ["bidirectional-True", "bidirectional-False"]),
        ({"train__learning_rate": [1e-05, 1e16]}, ["lr1e-05", "lr1e16"]),
        ({"corpus__multi30k__test": ["2016", "2017"]}, ["test2016", "test2017"]),
        ({"evaluate__length_buckets": [[5, 10], [5, 20]]}, ["length-buckets-5-10", "length-buckets-5-20"]),
        ({"corpus__tatoeba__seed": [1, 2], "corpus__files__seed": [1, 1]}, ["seed1", "seed2"]),
        (
            {"corpus__tatoeba__seed": [1, 2], "corpus__files__seed": [1, 2]},
            ["corpus.tatoeba.seed1-corpus.files.seed1", "corpus.tatoeba.seed2-corpus.files.seed2"],
        ),
        ({"corpus__files__valid": [["a/b"], ["a b"]]}, None),
    ],
)
def test_names(values: dict[str, list[Any]], names: list[str] | None) -> None:
    found = member_names(points(**values), [name.replace("__", ".") for name in values])
    assert names is None or found == names
    assert len(set(found)) == len(found)


def test_only_what_differs_is_named() -> None:
    both = points(seed=[1, 2], train__epochs=[3, 3])
    assert member_names(both, ["seed", "train.epochs"]) == ["s1", "s2"]
    assert member_names(both[:1], ["seed", "train.epochs"]) == ["s1-epochs3"]


def test_a_section_that_is_set_as_a_whole() -> None:
    both = points(model__layers=[1, 2], model__cell=["gru", "gru"])
    assert member_names(both, ["model"]) == ["l1", "l2"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=100), min_size=1, max_size=5, unique=True))
def test_any_text_gives_unique_references(texts: list[str]) -> None:
    names = member_names([{"corpus.source": text} for text in texts], ["corpus.source"])
    assert len(set(names)) == len(names)
    for name in names:
        assert len(name) <= LONGEST + 7
        subprocess.run(["git", "check-ref-format", f"refs/exps/00/00/{name}"], check=True)
