"""How a space is written, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from seqlab.commands.search.space import parse_space
from seqlab.core.errors import SeqlabError
from tests.commands.search.played import BLEU, LOSS, ROOT, make, space_of


def test_ranges_and_values() -> None:
    space = space_of(
        "train.learning_rate=log(1e-4, 1e-2)",
        "model.hidden_size=128..512/64",
        "model.layers=1..3",
        "train.batch_size=log(16,128)",
        "model.dropout=0..0.5",
        "train.label_smoothing=0.0..0.2/0.05",
        "params.yaml:model.attention=none,dot,'dot'",
        "train.early_stopping_metric=choice(bleu,loss)",
        "train.epochs=2",
        "seed=3",
    )
    assert space.distributions == {
        "train.learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
        "model.hidden_size": IntDistribution(128, 512, step=64),
        "model.layers": IntDistribution(1, 3),
        "train.batch_size": IntDistribution(16, 128, log=True),
        "model.dropout": FloatDistribution(0.0, 0.5),
        "train.label_smoothing": FloatDistribution(0.0, 0.2, step=0.05),
        "model.attention": CategoricalDistribution(["none", "'dot'"]),
        "train.early_stopping_metric": CategoricalDistribution(["bleu", "loss"]),
    }
    assert space.fixed == ("train.epochs=2", "seed=3")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ([], "nothing to search"),
        (["model.attention=dot", "seed=2"], "nothing to search"),
        (["model.atention=none,dot"], "no such parameter; did you mean model.attention"),
        (["model.hidden=1..3"], "no such parameter"),
        (["nothing"], "not of the form name=value"),
        (["model.layers=1,2", "model.layers=1..3"], "given twice"),
        (["model=1,2"], "is a section"),
        (["model.attention=none,dit"], "input should be 'none', 'dot', .* not 'dit'"),
        (["model.attention=none,none"], "one value"),
        (["train.epochs=many", "model.layers=1,2"], "valid integer, not 'many'"),
        (["model.attention=1..3"], "no number"),
        (["model.layers=1.5..3"], "whole number, and 1.5 is not"),
        (["model.layers=3..3"], "goes up, and 3 is not below 3"),
        (["model.layers=3..1"], "goes up, and 3 is not below 1"),
        (["model.layers=0..3"], "greater than or equal to 1, not 0"),
        (["model.dropout=0.5..1"], "less than 1, not 1"),
        (["model.layers=1..1e999"], "more than a number holds"),
        (["model.layers=1..4/2"], "do not meet 4; the last is 3"),
        (["model.layers=1..4/5"], "leads beyond 4"),
        (["model.layers=1..4/0"], "above 0, not 0"),
        (["model.layers=1..4/-1"], "above 0, not -1"),
        (["train.learning_rate=log(0,1)"], "begins above 0, not at 0"),
        (["train.learning_rate=log(-1,1)"], "begins above 0, not at -1"),
        (["train.learning_rate=log(1e-4)"], r"write low\.\.high"),
        (["train.learning_rate=1e-4.."], r"write low\.\.high"),
        (["model.layers=range(1,4)"], r"write low\.\.high"),
        (["model.layers=interval(1,4)"], r"write low\.\.high"),
        (["model.layers=shuffle(1,2)"], r"write low\.\.high"),
        (["corpus.source=${oc.env:HOME},en"], "not looked up"),
        (["seed=1,2,3"], "seed is not searched: .* luck"),
        (["runtime.threads=1,2"], "not searched"),
        (["corpus.grammar.max_depth=1..3"], "not searched: .* other data"),
        (["evaluate.beam_size=1..5"], "not searched"),
        (["report.samples=1..5"], "not searched"),
        (["train.validation_max_length=10..50"], "not searched"),
    ],
)
def test_refused(written: list[str], message: str) -> None:
    with pytest.raises(SeqlabError, match=message):
        parse_space(ROOT, written, BLEU)


def test_the_tokenizer_is_searched_by_bleu_and_not_per_token() -> None:
    written = "tokenizer.kind=word,bpe"
    assert list(space_of(written).distributions) == ["tokenizer.kind"]
    with pytest.raises(SeqlabError, match="per token"):
        space_of(written, objective=LOSS)


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-4, 1e-2), st.floats(0.999, 0.9999), st.integers(0, 5), st.integers(128, 512))
def test_numbers_are_short_inside_the_range_and_near_what_was_sampled(
    rate: float, decay: float, steps: int, size: int
) -> None:
    space = space_of(
        "train.learning_rate=log(1e-4,1e-2)",
        "train.teacher_forcing_decay=0.999..0.9999",
        "train.label_smoothing=0..0.5/0.1",
        "model.hidden_size=128..512",
    )
    sampled = dict(zip(space.distributions, (rate, decay, steps * 0.1, size), strict=True))
    found = space.rounded(sampled)
    assert found["train.learning_rate"] == pytest.approx(rate, rel=1e-3)
    assert abs(float(found["train.teacher_forcing_decay"]) - decay) <= (0.9999 - 0.999) / 1000
    assert found["train.label_smoothing"] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5][steps]
    assert found["model.hidden_size"] == size
    for name, value in found.items():
        low, high = (getattr(space.distributions[name], bound) for bound in ("low", "high"))
        assert low <= value <= high
    assert all(len(str(value)) <= 9 for value in found.values())
    # The member is given these numbers and no others.
    (member,) = make(ROOT, space.settings(found))
    assert member.params.train.learning_rate == found["train.learning_rate"]
