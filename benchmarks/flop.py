"""The floating-point operations that a training step must do, whoever does it: those of its matrix products."""

from torch import Tensor

from seqlab.seq2seq.model.config import ModelConfig

GATES = {"gru": 3, "lstm": 4, "rnn": 1}


def training_flop(config: ModelConfig, source_lengths: Tensor, target_lengths: Tensor) -> int:
    """Forward 2·m·n·k for each product (m, k) × (k, n), backward twice that: of real tokens alone, each once.

    A source token costs, in each direction, G·H·(E + H) for G gates (layers above the first G·H·(H' + H), where H' is
    the width below); a target token likewise, its input E wide, or E + R with input feeding, or E + H with the context
    at every step; its attention S·H for the scores and S·H for the mean of the states, S the length of its source (not
    the padded one); its readout (what it sees)·R; and its projection R·V. Learnt keys and queries cost H·H a source and
    a target token, the encoder's projection to one width 2·H·H. All that times 2, and times 3 for training. Embeddings
    are looked up, so they count nothing; nor do bridges, biases, tanh, softmax and the optimizer. The teacher forcing
    ratio changes nothing: the scores that a choice needs are those that the loss needs.
    """
    hidden, readout = config.hidden_size, config.readout_size
    source, target = int(source_lengths.sum()), int(target_lengths.sum())
    directions = 2 if config.bidirectional else 1
    products = source * directions * _recurrent(config, config.embedding_size, directions * hidden)
    beside = readout * config.input_feeding + hidden * (config.context == "every_step")
    products += target * _recurrent(config, config.embedding_size + beside, hidden)
    products += target * readout * config.target_vocab_size
    seen = hidden + (config.embedding_size + hidden) * (config.context == "every_step")
    if config.attention != "none":
        seen += hidden
        products += 2 * hidden * int((source_lengths * target_lengths).sum())
        products += source * 2 * hidden * hidden * config.bidirectional
        products += source * hidden * hidden * (config.attention != "dot")
        products += target * hidden * hidden * (config.attention == "additive")
    if seen > hidden or config.tie_output:
        products += target * seen * readout
    return 3 * 2 * products


def _recurrent(config: ModelConfig, input_size: int, width: int) -> int:
    """Multiplications of a token in one direction of all layers; `width` is that of a layer's output."""
    inputs = input_size + (config.layers - 1) * width
    return GATES[config.cell] * config.hidden_size * (inputs + config.layers * config.hidden_size)
