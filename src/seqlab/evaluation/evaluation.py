"""Stage evaluate: translate the test set, and score the translations.

BLEU, chrF, TER and exact match are of free-running translations: the model reads back its own words. Loss and
perplexity are under teacher forcing, against each sentence's first reference: the model reads the truth.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example, read
from seqlab.evaluation import exposure as exposures
from seqlab.evaluation.exposure import Exposure
from seqlab.evaluation.members import find_members
from seqlab.evaluation.outputs import Results, write_results
from seqlab.evaluation.scoring.by_length import bleu_by_length
from seqlab.evaluation.scoring.diversity import diversity
from seqlab.evaluation.scoring.exact_match import exact_match_score
from seqlab.evaluation.scoring.metrics import bleu, chrf, ter, ter_note
from seqlab.evaluation.scoring.rouge import rouge, unread_letters
from seqlab.evaluation.search.ensemble import Ensemble
from seqlab.evaluation.translation import Translation
from seqlab.evaluation.translator import Translator
from seqlab.params.schema import EvaluateParams
from seqlab.scoring.perplexity import as_perplexity, perplexity
from seqlab.scoring.tokenization import uncut_note
from seqlab.seq2seq.engines.engine import Engine
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.system.terminal import say
from seqlab.text.batches import sequential
from seqlab.text.encoded import EncodedSplit, open_split

ATTENTION_MAPS = 12


def evaluate(
    params: EvaluateParams,
    *,
    tokenize: str,
    measure: str,
    checkpoint: Path,
    ensemble_with: Path | None,
    tokenized: Path,
    raw: Path,
    reports: Path,
    device: str,
    engine: Engine,
) -> None:
    """Translate and score the test set; write what `outputs.write_results` does.

    Nothing is written before everything is computed. In scores.json, `measure` names the metric that is shown first,
    `loss` is in nats per target token, `own_prefix_loss` the same after the model's own prefixes, and `truncated`
    counts the sources that were cut at the tokenizer's longest. `rouge` and `diversity` are there if asked for; of
    `rouge`, `unread_letters` is the percentage of the references' letters that it does not know. `notes`, if there are
    any, say what a reader of the scores must know; they go to standard error too. `ensemble_with`, if there are any,
    are the models that translated together with the checkpoint's.

    Args:
        params: How to search and score.
        tokenize: sacreBLEU's tokenizer that evaluate.tokenize means for this corpus.
        measure: The metric that is to be shown first, by its name in scores.json.
        checkpoint: Checkpoint folder such as models/best.
        ensemble_with: Checkpoint folder, or folder of several, whose models translate together with it; None: none.
        tokenized: Folder data/tokenized, of whose splits `test` is read.
        raw: Folder data/raw, of which `test.jsonl` is read.
        reports: Folder to write to.
        device: cpu or cuda.
        engine: Computes the loss, and the steps of the searches.

    Raises:
        SeqlabError: an input is missing or damaged, the inputs do not belong together, the test set is empty, the
            tokenizer lacks something, or the model's loss is not finite.
    """
    examples = _read_examples(raw / "test.jsonl")
    notes = _notes(tokenize, [example.references for example in examples])
    sources = [example.source for example in examples]
    members = find_members(ensemble_with, checkpoint) if ensemble_with else []
    translator = Translator.load(checkpoint, device, params.parameters, [member.folder for member in members], engine)
    split = open_split(tokenized / "test")
    encoded = translator.encode(sources)
    _check_same_sources(encoded, split, tokenized)
    split.require_vocabularies(translator.source.vocab_size, translator.target.vocab_size)

    exposure = exposures.exposure(translator.stepwise, sequential(split, exposures.BATCH_SIZE))
    loss, _ = model_scores = _model_scores(translator.model, split, exposure, engine)
    if not all(map(math.isfinite, model_scores)):
        raise SeqlabError(f"{checkpoint}: its loss on the test set is {loss}; train again at a lower learning rate")
    translations = _translate(translator, sources, params, _spread(encoded))
    truncated = sum(len(ids) > translator.source.max_length for ids in translator.source.encode(sources))
    results = _results(params, tokenize, measure, examples, translations, exposure, model_scores, truncated)
    if notes:
        results.scores["notes"] = notes
    if members:
        results.scores["ensemble_with"] = [member.origin.record() for member in members]
    write_results(reports, results, tokenize)


def _model_scores(
    model: Seq2Seq | Ensemble, split: EncodedSplit, exposure: Sequence[Exposure], engine: Engine
) -> tuple[float, float]:
    """Loss and perplexity under teacher forcing; an ensemble has them step by step alone."""
    if isinstance(model, Seq2Seq):
        return perplexity(model, sequential(split, exposures.BATCH_SIZE), engine)
    loss = exposures.loss_after_truth(exposure)
    return loss, as_perplexity(loss)


def _notes(tokenize: str, references: Sequence[tuple[str, ...]]) -> list[str]:
    """What a reader of the scores must know; said at once, as well."""
    notes = [note for note in (uncut_note(tokenize, references), ter_note(references)) if note]
    for note in notes:
        say(f"evaluate: warning: {note}", err=True)
    return notes


def _results(
    params: EvaluateParams,
    tokenize: str,
    measure: str,
    examples: Sequence[Example],
    translations: Sequence[Sequence[Translation]],
    exposure: Sequence[Exposure],
    model_scores: tuple[float, float],
    truncated: int,
) -> Results:
    sources = [example.source for example in examples]
    references = [example.references for example in examples]
    texts = [best[0].text for best in translations]
    loss, test_perplexity = model_scores
    samples = params.bootstrap_samples
    scores: dict[str, Any] = {
        "measure": measure,
        "bleu": asdict(bleu(texts, references, tokenize=tokenize, bootstrap_samples=samples)),
        "chrf": asdict(chrf(texts, references, bootstrap_samples=samples)),
        "ter": asdict(ter(texts, references, bootstrap_samples=samples)),
        "exact_match": asdict(exact_match_score(texts, references, bootstrap_samples=samples)),
        "perplexity": test_perplexity,
        "loss": loss,
        "own_prefix_loss": exposures.loss_after_own_prefix(exposure),
        "examples": len(examples),
        "truncated": truncated,
    }
    if "rouge" in params.metrics:
        found = rouge(texts, references, bootstrap_samples=samples)
        scores["rouge"] = {name: asdict(score) for name, score in found.items()}
        scores["rouge"]["unread_letters"] = unread_letters(references)
    if "diversity" in params.metrics:
        scores["diversity"] = diversity(texts, references, tokenize=tokenize)
    bounds = params.length_buckets
    buckets = bleu_by_length(sources, texts, references, bounds=bounds, tokenize=tokenize, bootstrap_samples=samples)
    return Results(scores, examples, translations, buckets, exposure)


def _read_examples(path: Path) -> list[Example]:
    examples = list(read(path))
    if not examples:
        raise SeqlabError(f"{path} holds no example: there is nothing to evaluate")
    for number, example in enumerate(examples, start=1):
        if not example.references:
            raise SeqlabError(f"{path}, line {number}: an example without a reference can't be scored")
    return examples


def _check_same_sources(encoded: Sequence[Sequence[int]], split: EncodedSplit, tokenized: Path) -> None:
    same = len(encoded) == len(split) and all(ids == split.source(row).tolist() for row, ids in enumerate(encoded))
    if not same:
        raise SeqlabError(
            f"{tokenized}: its test set is not the raw one in the checkpoint's tokens; `dvc repro` makes them agree"
        )


def _spread(encoded: Sequence[Sequence[int]]) -> frozenset[int]:
    """Rows of up to ATTENTION_MAPS sentences whose lengths are spread evenly over those of the test set."""
    rows = sorted((row for row, ids in enumerate(encoded) if ids), key=lambda row: (len(encoded[row]), row))
    count = min(ATTENTION_MAPS, len(rows))
    # From the shortest to the longest, both included.
    return frozenset(rows[index * (len(rows) - 1) // max(1, count - 1)] for index in range(count))


def _translate(
    translator: Translator, sources: Sequence[str], params: EvaluateParams, attention_of: frozenset[int]
) -> list[list[Translation]]:
    # disable=None: no progress bar where nobody looks.
    with tqdm(total=len(sources), desc="translate", unit=" sentences", file=sys.stderr, disable=None) as bar:
        return translator.translate(
            sources,
            beam_size=params.beam_size,
            length_penalty=params.length_penalty,
            max_length=params.max_length,
            n_best=params.n_best,
            batch_size=params.batch_size,
            attention_of=attention_of,
            on_batch=bar.update,
        )
