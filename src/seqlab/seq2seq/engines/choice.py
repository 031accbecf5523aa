"""Which engine computes: chosen here and nowhere else, once, when a stage is set up."""

from typing import Literal

from seqlab.seq2seq.engines.cpu.loss import teacher_forced_loss
from seqlab.seq2seq.engines.cuda.loss import gradients, padded_loss
from seqlab.seq2seq.engines.cuda.stepwise import ahead
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.engines.plain.loss import step_by_step_loss
from seqlab.seq2seq.engines.plain.stepwise import Stepwise

PLAIN = Engine("plain", step_by_step_loss, stepwise=Stepwise)
CPU = Engine("cpu", teacher_forced_loss)
CUDA = Engine("cuda", padded_loss, searched=ahead, gradients=gradients)
# The fastest of each device; each of them runs on any.
FAST = {"cpu": CPU, "cuda": CUDA}


def choose(device: str, engine: Literal["fast", "plain"]) -> Engine:
    """The engine that `runtime.device` and `runtime.engine` name; no other ever takes its place."""
    return PLAIN if engine == "plain" else FAST[device]
