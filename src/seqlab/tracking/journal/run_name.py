"""The name of a run: what people compare by, and whatever else tells it from the usual recipe.

A name hangs on the recipe alone, so that it is the same on every machine and in every working copy.
"""

import re
from typing import Any

from seqlab.tracking.fingerprint.canonical import canonical, flatten

# The default parameters, in the order in which names show others; those that every name has are not among them.
USUAL: dict[str, Any] = {
    "corpus.grammar.seed": 1,
    "corpus.grammar.train_size": 20000,
    "corpus.grammar.valid_size": 500,
    "corpus.grammar.test_size": 1000,
    "corpus.grammar.max_depth": 2,
    "corpus.grammar.test_extra_depth": 0,
    "corpus.multi30k.test": "2016",
    "corpus.tatoeba.seed": 1,
    "corpus.tatoeba.valid_size": 1000,
    "corpus.tatoeba.test_size": 1000,
    "corpus.scan.split": "simple",
    "corpus.scan.seed": 1,
    "corpus.scan.valid_size": 1000,
    "corpus.files.train": [],
    "corpus.files.valid": [],
    "corpus.files.test": [],
    "corpus.files.seed": 1,
    "corpus.files.valid_size": 1000,
    "corpus.files.test_size": 1000,
    "tokenizer.kind": "word",
    "tokenizer.vocab_size": 6000,
    "tokenizer.vocabulary": "separate",
    "tokenizer.max_source_length": 100,
    "tokenizer.max_target_length": 100,
    "tokenizer.take_from": "none",
    "model.embedding_size": 128,
    "model.layers": 1,
    "model.bidirectional": False,
    "model.context": "initial",
    "model.input_feeding": False,
    "model.tie_embeddings": False,
    "model.tie_output": False,
    "model.dropout": 0.1,
    "train.teacher_forcing_granularity": "step",
    "train.teacher_forcing_schedule": "constant",
    "train.teacher_forcing_decay": 0.9999,
    "train.teacher_forcing_floor": 0.0,
    "train.start_from": "none",
    "train.epochs": 3,
    "train.batch_size": 64,
    "train.batch_by": "sentences",
    "train.shards": 1,
    "train.optimizer": "adam",
    "train.learning_rate": 0.008,
    "train.weight_decay": 0.0,
    "train.learning_rate_schedule": "exponential",
    "train.learning_rate_decay": 0.6,
    "train.learning_rate_patience": 1,
    "train.warmup_steps": 0,
    "train.max_grad_norm": 1.0,
    "train.average_decay": 0.0,
    "train.label_smoothing": 0.0,
    "train.bpe_dropout": 0.0,
    "train.early_stopping_metric": "bleu",
    "train.keep_checkpoints": 1,
    "train.patience": 0,
    "train.validation_max_length": 100,
    "train.log_every": 20,
    "train.precision": "float32",
    "evaluate.tokenize": "13a",  # as recipes have it: what auto means for the usual target
    "evaluate.parameters": "best",
    "evaluate.ensemble_with": "none",
    "evaluate.beam_size": 1,
    "evaluate.length_penalty": 1.0,
    "evaluate.n_best": 1,
    "evaluate.max_length": 100,
    "evaluate.batch_size": 256,
    "evaluate.metrics": [],
    "evaluate.bootstrap_samples": 1000,
    "evaluate.length_buckets": [5, 10, 15, 20, 30, 40],
    "runtime.device": "cpu",
    "runtime.threads": 2,
    "runtime.numerics": "native",
    "runtime.engine": "fast",
}
USUAL_TASK = ("grammar", "en", "fr")
# Short for the parameter's own last part; "" where the value says enough.
LABELS = {
    "corpus.scan.split": "",
    "tokenizer.kind": "",
    "tokenizer.vocab_size": "v",
    "tokenizer.vocabulary": "",
    "model.embedding_size": "e",
    "model.layers": "l",
    "model.context": "",
    "train.teacher_forcing_granularity": "tf-",
    "train.teacher_forcing_schedule": "tf-",
    "tokenizer.take_from": "tokens-of",
    "train.start_from": "from",
    "train.batch_size": "b",
    "train.batch_by": "by",
    "train.optimizer": "",
    "train.learning_rate": "lr",
    "train.learning_rate_schedule": "lr-",
    "train.learning_rate_decay": "decay",
    "train.weight_decay": "wd",
    "train.average_decay": "ema",
    "train.label_smoothing": "smoothing",
    "train.keep_checkpoints": "keep",
    "train.precision": "",
    "evaluate.tokenize": "bleu-",
    "evaluate.parameters": "",
    "evaluate.ensemble_with": "with",
    "evaluate.beam_size": "beam",
    "evaluate.metrics": "",
    "evaluate.length_buckets": "buckets",
    "runtime.device": "",
    "runtime.threads": "t",
    "runtime.numerics": "",
    "runtime.engine": "",
}
# Letters of a name without the identity at its end, and of one value in it. MLflow takes 250 letters, and recipes of
# this project need 170: what people vary besides must have room, or all members of a sweep look alike.
LONGEST = 230
LONGEST_VALUE = 24
IDENTITY = 6
_OURS = re.compile(rf"tf[\d.e+-]+-h\d+-[\w.+-]+-([0-9a-f]{{{IDENTITY}}})")


def run_name(recipe: dict[str, dict[str, Any]], fingerprint: str) -> str:
    """Such as `tf0.50-h256-gru+dot-s1-keep5-average-beam5-3fa9c1`: what is usual is left out, the identity is last.

    Ratio, hidden size, cell with attention, and seed; task, and parameters that are not the default ones; `+2` for as
    many that had no room.
    """
    train, evaluate = recipe["train"], recipe["evaluate"]
    model, ratio = train["model"], train["train"]["teacher_forcing_ratio"]
    attention = "" if model["attention"] == "none" else f"+{model['attention']}"
    shown = f"{ratio:.2f}" if round(ratio, 2) == ratio else f"{ratio:g}"
    name = f"tf{shown}-h{model['hidden_size']}-{model['cell']}{attention}-s{train['seed']}"
    unusual = [*_task(evaluate["corpus"]), *_unusual(recipe)]
    for place, part in enumerate(unusual):
        if len(name) + 1 + len(part) > LONGEST:
            name += f"+{len(unusual) - place}"
            break
        name += f"-{part}"
    return f"{name}-{fingerprint[:IDENTITY]}"


def identity_in(name: str) -> str:
    """The beginning of the fingerprint in a name that this or an earlier version gave; "" if people gave the name."""
    match = _OURS.fullmatch(name)
    return match[1] if match else ""


def _task(corpus: dict[str, Any]) -> list[str]:
    task = tuple(str(corpus[name]) for name in ("name", "source", "target"))
    return [] if task == USUAL_TASK else [_fit("-".join(task))]


def _unusual(recipe: dict[str, dict[str, Any]]) -> list[str]:
    sections = {**recipe["evaluate"], **{name: recipe["train"][name] for name in ("runtime", "model", "train")}}
    params = flatten({section: sections[section] for section in {name.split(".")[0] for name in USUAL}})
    # Runs of other versions may lack a parameter.
    return [
        _part(name, params[name])
        for name, usual in USUAL.items()
        if name in params and canonical(params[name]) != canonical(usual)
    ]


def _part(name: str, value: Any) -> str:
    label = LABELS.get(name, name.rsplit(".", maxsplit=1)[-1])
    if isinstance(value, bool):
        return label if value else f"no-{label}"
    if isinstance(value, list):
        value = "+".join(map(str, value)) or "none"
    # A word is set off from its label: lr0.001, but early_stopping_metric-loss.
    gap = "-" if label[-1:].isalpha() and not str(value)[:1].isdigit() else ""
    return label + gap + _fit(f"{value:g}" if isinstance(value, float) else str(value))


def _fit(text: str) -> str:
    """The text in letters that MLflow's search and every shell take as they are."""
    return re.sub(r"[^\w.+-]+", "_", text, flags=re.ASCII)[:LONGEST_VALUE]
