"""Names, figures and sentences of a report, in plain words."""

from collections.abc import Sequence

from seqlab.pages.visible import visible
from seqlab.pages.wording import figure, parameter
from seqlab.params.params import Params
from seqlab.params.schema import ModelParams, Section
from seqlab.results.records import LengthBucket, Manifest, Training
from seqlab.results.scores import EnsembleMember

# A bucket of fewer sentences is shown, but no sentence is built on it.
FEW_EXAMPLES = 10
# Where no bucket reaches this BLEU, there is nothing that could fall.
UNTRAINED = 1.0
_CELLS = {"gru": "GRU", "lstm": "LSTM", "rnn": "RNN"}
_OUTPUTS = {"translation": "translation", "conversation": "reply", "summarisation": "summary", "headline": "headline"}


def model_name(model: ModelParams) -> str:
    """Such as `Bidirectional GRU, hidden size 256, general attention`."""
    cell = _CELLS[model.cell]
    name = f"Bidirectional {cell}" if model.bidirectional else cell
    attention = "no attention" if model.attention == "none" else f"{model.attention} attention"
    return f"{name}, hidden size {model.hidden_size}, {attention}"


def recipe(params: Params) -> str:
    """What tells this run from its neighbours: model, teacher forcing, corpus and direction."""
    corpus = params.corpus
    ratio = f"teacher forcing {params.train.teacher_forcing_ratio:g}"
    direction = visible(f"{corpus.source} → {corpus.target}")
    return f"{model_name(params.model)}, {ratio}, {corpus.name} {direction}"


def search_name(params: Params) -> str:
    """How the test set was decoded."""
    beam = params.evaluate.beam_size
    return "greedy search" if beam == 1 else f"beam search, {beam} hypotheses"


def parameters_name(params: Params, training: Training) -> str:
    """Whose parameters translated the test set."""
    if params.evaluate.parameters == "best":
        return f"checkpoint of epoch {training.best.epoch}"
    mean = "mean" if params.evaluate.parameters == "average" else "ensemble"
    *others, last = map(str, training.kept)
    return f"{mean} of the checkpoints of epochs {', '.join(others)} and {last}"


def output_name(manifest: Manifest) -> str:
    """What the model writes in this task: a translation, a reply, a summary."""
    return _OUTPUTS.get(manifest.task, "output")


def parameter_groups(params: Params) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Every parameter that counts, by section: (section, [(name, value, meaning)]).

    Of the corpora's options only those of the chosen corpus count.
    """
    groups: list[tuple[str, list[tuple[str, str, str]]]] = []
    single = []
    counting = params.corpus.active()
    for name, field in type(params).model_fields.items():
        value = getattr(params, name)
        if not isinstance(value, Section):
            single.append((name, parameter(value), field.description or ""))
            continue
        rows = [(key, parameter(leaf), meaning) for key, leaf, meaning in value.leaves()]
        groups.append((name, [row for row in rows if name != "corpus" or row[0].partition(".")[0] in counting]))
    return [("experiment", single), *groups]


def bottleneck(buckets: list[LengthBucket], model: ModelParams) -> str:
    """One sentence on what length does to BLEU, and why, that claims no more than the intervals allow."""
    solid = [bucket for bucket in buckets if bucket.bleu is not None and bucket.examples >= FEW_EXAMPLES]
    if len(solid) < 2:
        return "Too few test sentences of different lengths to say what length does to BLEU."
    if max(bucket.bleu or 0.0 for bucket in solid) < UNTRAINED:
        return "BLEU is about zero at every length: this model has not learnt enough to say what length does."
    short, long = solid[0], solid[-1]
    span = (
        f"from {figure(short.bleu)} on sources of {short.bucket} {short.unit} to {figure(long.bleu)} on those of "
        f"{long.bucket}"
    )
    if _below(long, short):
        return f"BLEU falls {span}: {_why_it_falls(model)}."
    if _below(short, long):
        return f"BLEU rises {span}: length is no obstacle here; {_why_it_holds(model)}."
    return f"BLEU shows no clear fall {span} (the intervals overlap): {_why_it_holds(model)}."


def gradients(training: Training, limit: float) -> str:
    """How large gradients became, and how often they were clipped to the norm `limit` (0: not at all)."""
    largest = f"The largest gradient norm was {figure(training.largest_gradient_norm, 2)}"
    if not limit:
        return f"{largest}; gradients were not clipped."
    share = f"{figure(training.clipped_steps, 0)} of {figure(training.steps, 0)}"
    return f"{largest}; gradients were clipped to {limit:g} in {share} optimizer steps."


def origin(training: Training) -> str:
    """What training started from, and what that was worth before the first step; empty for random parameters."""
    start = training.started_from
    if start is None:
        return ""
    of_run = f", the model of run {start.run}" if start.run else ""
    return (
        f"Training started from the parameters of {start.origin}{of_run}: validation loss "
        f"{figure(start.valid.loss, 3)} and BLEU {figure(start.valid.bleu)} before the first step."
    )


def ensemble(members: Sequence[EnsembleMember]) -> str:
    """Whose models translated together with the run's own; empty if it translated alone."""
    if not members:
        return ""
    *others, last = [visible(member.origin) for member in members]
    names = f"{', '.join(others)} and {last}" if others else last
    models = "model of another run" if len(members) == 1 else f"models of {len(members)} other runs"
    return (
        f"The test set was translated together with the {models} ({names}), each run counting the same: at each step "
        "the mean of the probabilities. Loss, perplexity, exposure bias and attention are of all together; weights, "
        "steps and learning curves are this run's own."
    )


def _below(lower: LengthBucket, upper: LengthBucket) -> bool:
    return lower.bleu_high is not None and upper.bleu_low is not None and lower.bleu_high < upper.bleu_low


def _why_it_falls(model: ModelParams) -> str:
    if model.attention != "none":
        return "long sentences are harder even though attention lets the decoder look back at every source token"
    return "without attention one vector of fixed size has to hold the whole source, and of a long one it holds less"


def _why_it_holds(model: ModelParams) -> str:
    if model.attention != "none":
        return "attention lets the decoder look back at every source token, however many there are"
    return "sources of this length still fit into the one vector of fixed size that the decoder is given"
