"""The model in its plainest form gives the scores of the full one, trains as it does, and translates as it does."""

from pathlib import Path

import pytest
import torch

from seqlab.core.special_tokens import EOS, SOS
from seqlab.seq2seq.checkpoint import load_checkpoint
from seqlab.seq2seq.classic import EncoderDecoder, training_loss, translate
from seqlab.seq2seq.decoding.greedy import greedy
from seqlab.seq2seq.engines.choice import CPU
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.training.teacher_forcing import toss
from tests.seq2seq.model.tiny import TINY, tiny_batch, tiny_model
from tests.seq2seq.saved import save_checkpoint

SOURCE, SOURCE_LENGTHS = tiny_batch([3, 5, 1, 4, 2], 9)
TARGET, TARGET_LENGTHS = tiny_batch([6, 4, 4, 2, 1], 11, seed=1)
CELLS = pytest.mark.parametrize("cell", ["gru", "lstm"])
ATTENTIONS = pytest.mark.parametrize(("attention", "input_feeding"), [("none", False), ("dot", False), ("dot", True)])


@CELLS
@ATTENTIONS
@pytest.mark.parametrize("layers", [1, 2])
def test_scores_are_those_of_the_full_model(cell: str, attention: str, input_feeding: bool, layers: int) -> None:
    full = tiny_model(cell=cell, attention=attention, input_feeding=input_feeding, layers=layers)
    classic = EncoderDecoder.of(full)
    memory = full.encode(SOURCE, SOURCE_LENGTHS)
    state = full.initial_state(memory)
    states, hidden = classic.encoder(SOURCE, SOURCE_LENGTHS)
    fed, token = states.new_zeros(5, 1, 4), torch.full((5,), SOS)
    for step in range(TARGET.shape[1]):
        expected, state, _ = full.step(token, state, memory)
        found, hidden, fed = classic.decoder(token[:, None], hidden, states, SOURCE == 0, fed)
        torch.testing.assert_close(found[:, 0], expected.log_softmax(1), rtol=1e-11, atol=1e-13)
        token = TARGET[:, step]


@CELLS
@ATTENTIONS
@pytest.mark.parametrize("granularity", ["step", "token"])
def test_trains_as_the_full_model_does(cell: str, attention: str, input_feeding: bool, granularity: str) -> None:
    full = tiny_model(cell=cell, attention=attention, input_feeding=input_feeding)
    classic = EncoderDecoder.of(full)
    optimizers = [torch.optim.Adam(model.parameters(), lr=0.05) for model in (full, classic)]
    losses = []
    for step in range(6):
        coins = toss(granularity, 0.5, 5, 6, torch.Generator().manual_seed(step))
        ours = CPU.loss(full, SOURCE, SOURCE_LENGTHS, TARGET, TARGET_LENGTHS, coins).loss
        of_classic = training_loss(classic, SOURCE, SOURCE_LENGTHS, TARGET, coins)
        losses.append(ours.item())
        assert of_classic.item() == pytest.approx(ours.item(), rel=1e-9)
        for optimizer, loss in zip(optimizers, (ours, of_classic), strict=True):
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    assert losses[-1] < losses[0] - 0.1
    copied = EncoderDecoder.of(full)
    torch.testing.assert_close(dict(classic.named_parameters()), dict(copied.named_parameters()), rtol=1e-6, atol=1e-9)


def test_one_coin_a_step_is_one_for_all_sentences() -> None:
    classic = EncoderDecoder.of(tiny_model())
    coins = torch.tensor([[True, False, True, False, False, True]])
    one, each = (training_loss(classic, SOURCE, SOURCE_LENGTHS, TARGET, c) for c in (coins, coins.expand(5, 6)))
    assert one == each
    free = training_loss(classic, SOURCE, SOURCE_LENGTHS, TARGET, torch.zeros_like(coins))
    assert free != one
    coins[0, 0] = False  # the first step is fed SOS
    assert training_loss(classic, SOURCE, SOURCE_LENGTHS, TARGET, coins) == one


@CELLS
@ATTENTIONS
def test_translates_as_the_full_model_does(cell: str, attention: str, input_feeding: bool) -> None:
    translations = set()
    for seed in range(8):
        full = tiny_model(seed, cell=cell, attention=attention, input_feeding=input_feeding)
        with torch.no_grad():
            full.decoder.output_bias[EOS] += seed
        found = translate(EncoderDecoder.of(full), SOURCE, SOURCE_LENGTHS, max_length=7)
        assert found == [each.tokens for each in greedy(full, SOURCE, SOURCE_LENGTHS, max_length=7)]
        translations |= {len(ids) for ids in found}
    assert len(translations) > 1  # some end, some are cut off


def test_takes_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "tokenizer").mkdir()
    saved = Seq2Seq(TINY, torch.Generator().manual_seed(1))
    save_checkpoint(tmp_path / "best", saved, tmp_path / "tokenizer", {})
    classic = EncoderDecoder.of(load_checkpoint(tmp_path / "best"))
    assert saved.decoder.output_weight is not None
    assert torch.equal(classic.decoder.output.weight, saved.decoder.output_weight)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"cell": "rnn"}, "cell rnn"),
        ({"bidirectional": True, "tie_output": True}, "second direction, tied output"),
        ({"attention": "additive"}, "attention additive"),
        ({"context": "every_step"}, "context every_step"),
        ({"tie_embeddings": True, "source_vocab_size": 11}, "tied embeddings"),
    ],
)
def test_says_what_it_does_not_have(options: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=f"no {named}$"):
        EncoderDecoder.of(tiny_model(**options))  # type: ignore[arg-type]
