"""What stage evaluate writes."""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.core.atomic import atomic_file, write_json, write_text
from seqlab.core.parallel import Example
from seqlab.evaluation.exposure import Exposure
from seqlab.evaluation.scoring.by_length import LengthBucket
from seqlab.evaluation.translation import AttentionMap, Translation
from seqlab.scoring.bleu import sentence_bleu

# Decimals of what is written sentence by sentence. In float32 the next one of a log probability depends on the batch.
DECIMALS = 4


@dataclass(frozen=True)
class Results:
    """Scores of a test set, its translations, each sentence's best first, and the losses by target position."""

    scores: dict[str, Any]
    examples: Sequence[Example]
    translations: Sequence[Sequence[Translation]]
    buckets: Sequence[LengthBucket]
    exposure: Sequence[Exposure]


def write_results(reports: Path, results: Results, tokenize: str) -> None:
    """Write scores.json and metrics.json, translations.jsonl, the tables and attention.json, each atomically.

    The sentences' own BLEU is by sacreBLEU's tokenizer `tokenize`.
    """
    records = [_record(*pair, tokenize) for pair in zip(results.examples, results.translations, strict=True)]
    maps = [_map(best[0].attention) for best in results.translations if best[0].attention]
    with atomic_file(reports / "translations.jsonl") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")
    columns = ["bucket", "low", "high", "examples", "bleu", "bleu_low", "bleu_high", "unit", "exact_match"]
    _write_table(reports / "bleu_by_length.csv", columns, map(_row, results.buckets))
    losses = ([each.position, each.tokens, _nats(each.gold_nll), _nats(each.own_nll)] for each in results.exposure)
    _write_table(reports / "exposure.csv", ["position", "tokens", "gold_nll", "own_nll"], losses)
    # One map a line: indented, each weight would have a line of its own.
    lines = ",\n".join(json.dumps(each, ensure_ascii=False, allow_nan=False) for each in maps)
    write_text(reports / "attention.json", f"[\n{lines}\n]\n" if maps else "[]\n")
    write_json(reports / "scores.json", results.scores)
    write_json(reports / "metrics.json", _metrics(results.scores))


def _metrics(scores: dict[str, Any]) -> dict[str, float]:
    """What DVC shows of many experiments side by side, which has room for a figure a metric and for no interval."""
    found = {name: value["score"] for name, value in scores.items() if isinstance(value, dict) and "score" in value}
    found |= {"perplexity": scores["perplexity"]}
    for group in (value for value in scores.values() if isinstance(value, dict) and "score" not in value):
        found |= {name: value["score"] for name, value in group.items() if isinstance(value, dict)}
    return {name: round(value, DECIMALS) for name, value in found.items()}


def _write_table(path: Path, columns: list[str], rows: Iterable[list[Any]]) -> None:
    with atomic_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _nats(loss: float) -> float:
    return round(loss, DECIMALS)


def _record(example: Example, translations: Sequence[Translation], tokenize: str) -> dict[str, Any]:
    best = translations[0]
    record = {
        "source": example.source,
        "references": list(example.references),
        "translation": best.text,
        "score": round(best.score, DECIMALS),
        "bleu": round(sentence_bleu(best.text, example.references, tokenize=tokenize), DECIMALS),
    }
    if len(translations) > 1:
        record["n_best"] = [{"translation": each.text, "score": round(each.score, DECIMALS)} for each in translations]
    return record


def _row(bucket: LengthBucket) -> list[Any]:
    bounds = [bucket.low, "" if bucket.high is None else bucket.high]
    bleu = bucket.bleu
    scores = ["", "", ""] if bleu is None else [round(each, DECIMALS) for each in (bleu.score, bleu.low, bleu.high)]
    exact = "" if bucket.exact_match is None else round(bucket.exact_match, DECIMALS)
    return [bucket.name, *bounds, bucket.examples, *scores, bucket.unit, exact]


def _map(attention: AttentionMap) -> dict[str, Any]:
    return {
        "source_tokens": attention.source_tokens,
        "translation_tokens": attention.translation_tokens,
        "weights": [[round(weight, DECIMALS) for weight in row] for row in attention.weights],
    }
