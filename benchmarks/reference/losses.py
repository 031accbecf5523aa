"""Two ways to the mean loss of a batch's target tokens that tutorials and toolkits take.

A third is that of `seqlab.seq2seq.classic`.

They take source (batch, source_len) and target (batch, target_len) ids, each row ended by EOS, then PAD; and `coins`
(batch, target_len), True where the step is fed the truth.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.core.special_tokens import PAD, SOS
from seqlab.seq2seq.classic import EncoderDecoder


def literal(model: EncoderDecoder, source: Tensor, target: Tensor, coins: Tensor) -> Tensor:
    """One sentence, without padding: the encoder token by token, the decoder step by step, a coin and an NLL each."""
    hidden, states = None, []
    for token in source[0]:
        state, hidden = model.encoder.rnn(model.encoder.embedding(token.view(1, 1)), hidden)
        states.append(state)
    annotations = torch.cat(states, 1)
    padding = torch.zeros_like(source, dtype=torch.bool)
    criterion, loss = nn.NLLLoss(), annotations.new_zeros(())
    token, fed = source.new_full((), SOS), annotations.new_zeros(1, 1, model.decoder.size)
    for step in range(target.shape[1]):
        steps, hidden, fed = model.decoder(token.view(1, 1), hidden, annotations, padding, fed)
        log_probabilities = steps[0]
        loss = loss + criterion(log_probabilities, target[:, step])
        following = min(step + 1, target.shape[1] - 1)
        token = target[0, step] if bool(coins[0, following]) else log_probabilities.detach().argmax(1)[0]
    return loss / target.shape[1]


def teacher_forcing(model: EncoderDecoder, source: Tensor, source_lengths: Tensor, target: Tensor) -> Tensor:
    """A batch, always fed the truth: the decoder is one call, attention another, the projection a third."""
    if model.decoder.input_feeding:
        raise ValueError("with input feeding the decoder is no single call")
    states, hidden = model.encoder(source, source_lengths)
    words = torch.cat([torch.full_like(target[:, :1], SOS), target[:, :-1]], 1)
    nothing = states.new_empty(0)
    log_probabilities, _, _ = model.decoder(words, hidden, states, source == PAD, nothing)
    return F.nll_loss(log_probabilities.flatten(0, 1), target.flatten(), ignore_index=PAD)
