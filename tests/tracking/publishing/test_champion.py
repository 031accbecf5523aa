"""The champion changes only for a significant improvement on the same test set, or on demand."""

import json
import random
import re
from dataclasses import replace
from typing import Any

import pytest
import sacrebleu
from mlflow.entities import Run

from seqlab.commands.compare.analysis import analyse
from seqlab.commands.promote import promote
from seqlab.core.atomic import write_json, write_text
from seqlab.core.errors import SeqlabError
from seqlab.significance.bleu_counts import BleuCounter
from seqlab.tracking.publishing import champion as champion_module
from seqlab.tracking.publishing import model as model_module
from seqlab.tracking.publishing import sync as sync_module
from seqlab.tracking.publishing.failures import ServerError
from seqlab.tracking.publishing.find import find_run
from seqlab.tracking.publishing.server import connect
from seqlab.tracking.publishing.sync import sync
from tests.tracking.conftest import Project
from tests.tracking.publishing.test_sync import Store

TASK = "seqlab-grammar-en-fr"
SIGNATURE = "nrefs:1|bs:1000|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
WORDS = ["the", "old", "sailor", "sees", "a", "small", "boat", "who", "says", "that", "his", "neighbour", "reads"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_module, "stale_stages", lambda _: {})
    monkeypatch.setattr(model_module, "_save", lambda folder, *_: write_text(folder / "MLmodel", "flavors: {}\n"))


def references() -> list[str]:
    generator = random.Random(1)
    return [" ".join(generator.choices(WORDS, k=12)) for _ in range(40)]


def translations(wrong: int, seed: int = 2) -> list[str]:
    """The references with one word changed in `wrong` of them."""
    generator, found = random.Random(seed), references()
    for row in generator.sample(range(len(found)), wrong):
        words = found[row].split()
        words[5] = "gris"
        found[row] = " ".join(words)
    return found


def scored(score: float, signature: str) -> dict[str, Any]:
    return {"score": score, "low": score - 1, "high": score + 1, "signature": signature}


def play(
    project: Project, seed: int, outputs: list[str], signature: str = SIGNATURE, more: dict[str, Any] | None = None
) -> str:
    """Train and evaluate with another seed, publish, and return the tag that says how the challenge went."""
    project.params = project.params.model_copy(update={"seed": seed})
    project.train(weights=f"weights {seed}".encode())
    recorder = project.recorder("evaluate")
    recorder.start()
    scores = {"bleu": scored(sacrebleu.corpus_bleu(outputs, [references()]).score, signature)} | (more or {})
    write_json(project.root / "reports/scores.json", {**scores, "perplexity": 5.5, "examples": len(outputs)})
    records = [
        {"source": "s", "references": [reference], "translation": output}
        for reference, output in zip(references(), outputs, strict=True)
    ]
    write_text(project.root / "reports/translations.jsonl", "".join(json.dumps(each) + "\n" for each in records))
    recorder.finish([project.root / "reports/translations.jsonl", project.root / "reports/scores.json"])
    sync(project.root)
    return latest(project, seed).data.tags["challenge"]


def latest(project: Project, seed: int) -> Run:
    return next(run for run in Store(project).runs() if run.data.params["seed"] == str(seed))


def champion(project: Project) -> str:
    """The seed of the champion."""
    version = Store(project).client.get_model_version_by_alias(TASK, "champion")
    return Store(project).client.get_run(version.run_id or "").data.params["seed"]


def test_only_a_significant_improvement_dethrones(tracked: Project) -> None:
    assert play(tracked, 1, translations(20)) == "won: the first of its task"
    assert play(tracked, 2, translations(30)).startswith(f"lost to {latest(tracked, 1).info.run_name}: -")
    assert champion(tracked) == "1"
    better = translations(19, seed=3)
    assert play(tracked, 3, better).startswith("no significant difference from")
    assert champion(tracked) == "1"
    verdict = play(tracked, 4, translations(2))
    assert verdict.startswith(f"won against {latest(tracked, 1).info.run_name}: +")
    assert champion(tracked) == "4"
    before = Store(tracked).everything()
    sync(tracked.root)
    assert (Store(tracked).everything(), champion(tracked)) == (before, "4")


def test_the_probability_is_that_of_seqlab_compare(tracked: Project) -> None:
    first, second = translations(20), translations(14, seed=3)
    counter = BleuCounter(SIGNATURE, [[reference] for reference in references()])
    expected = analyse([counter.count(second), counter.count(first)]).against_best[0].randomization
    play(tracked, 1, first)
    assert f"p = {expected:.3g} (" in play(tracked, 2, second)


def test_a_difference_in_a_few_sentences_is_never_significant(tracked: Project) -> None:
    """sacreBLEU alone gives p = 0.0001 for a single sentence: no swap makes the difference larger."""
    play(tracked, 1, translations(5))
    assert play(tracked, 2, translations(0)).startswith("no significant difference from")
    assert champion(tracked) == "1"


def test_other_measures_are_not_compared(tracked: Project) -> None:
    play(tracked, 1, translations(20))
    assert "another signature of BLEU" in play(tracked, 2, translations(2), signature=SIGNATURE.replace("13a", "char"))
    write_text(tracked.root / "data/raw/test.jsonl", json.dumps({"source": "another", "references": ["x"]}) + "\n")
    assert "another test set" in play(tracked, 3, translations(1))
    assert champion(tracked) == "1"


def test_a_corpus_that_exact_match_measures_has_its_champion_by_exact_match(tracked: Project) -> None:
    """The second run has the higher BLEU: one word is wrong in each sentence, where the first has many in half."""

    def measured(outputs: list[str]) -> dict[str, Any]:
        right = 100 * sum(map(str.__eq__, outputs, references())) / len(outputs)
        return {"measure": "exact_match", "exact_match": scored(right, "nrefs:1|multi:any|bs:1000|case:mixed")}

    half = [text if row % 2 else "gris " * 12 for row, text in enumerate(references())]
    slightly = translations(len(references()))
    right = translations(2)
    play(tracked, 1, half, more=measured(half))
    assert play(tracked, 2, slightly, more=measured(slightly)) == (
        f"lost to {latest(tracked, 1).info.run_name}: -50.00 Exact match"
    )
    with pytest.raises(AssertionError, match=r"has Exact match 0\.0, the champion, tf\S+, 50\.0\."):
        promote(tracked.root, latest(tracked, 2).info.run_id, never)
    assert "+45.00 Exact match, p = " in play(tracked, 3, right, more=measured(right))
    assert champion(tracked) == "3"
    assert "another measure" in play(tracked, 4, references())


def never(doubt: str) -> bool:
    raise AssertionError(doubt)


def test_an_ensemble_of_runs_does_not_challenge(tracked: Project) -> None:
    """Its scores are not those of the one model that would be served, and the model is not told them."""
    play(tracked, 1, translations(20))
    tracked.set("evaluate", ensemble_with="seeds")
    member = {"origin": "seeds/0123ab", "run": "tf1.00-h128-gru-s7-0123ab", "sha256": "ab" * 32}
    more = {"ensemble_with": [member, {"origin": "seeds/mine", "sha256": "cd" * 32}]}
    assert play(tracked, 2, translations(1), more=more).startswith("not compared: an ensemble of runs")
    assert champion(tracked) == "1"
    run = latest(tracked, 2)
    assert "-with-seeds-" in str(run.info.run_name)
    assert run.data.tags["ensemble.runs"] == "tf1.00-h128-gru-s7-0123ab, seeds/mine"
    outputs = run.outputs.model_outputs if run.outputs else []
    models = [Store(tracked).client.get_logged_model(output.model_id) for output in outputs]
    keys = {metric.key for model in models if model.name == "best" for metric in model.metrics or []}
    assert "valid/bleu" in keys
    assert "test/bleu" not in keys
    with pytest.raises(SeqlabError, match="was scored as an ensemble of runs, and its model is one of them"):
        promote(tracked.root, run.info.run_id, lambda _: False)


def test_promote_moves_the_alias_and_a_sync_leaves_it(tracked: Project) -> None:
    play(tracked, 1, translations(10))
    play(tracked, 2, translations(30))
    name = latest(tracked, 2).info.run_name or ""
    asked: list[str] = []

    def decline(doubt: str) -> bool:
        asked.append(doubt)
        return False

    with pytest.raises(SeqlabError, match="The champion stays; `--yes` promotes all the same"):
        promote(tracked.root, name, decline)
    assert re.fullmatch(rf"{re.escape(name)} has BLEU \d+\.\d, the champion, tf\S+-s1-\S+, \d+\.\d\.", asked[0])
    assert champion(tracked) == "1"
    said = promote(tracked.root, name, lambda _: True)
    assert said.startswith(
        f"{latest(tracked, 2).info.run_name} is the champion of {TASK}: version 2, before: version 1"
    )
    sync(tracked.root)
    assert champion(tracked) == "2"
    assert latest(tracked, 2).data.tags["challenge"] == "promoted by hand"
    # Of a better one, and of the champion itself, nobody is asked.
    promote(tracked.root, latest(tracked, 1).info.run_name or "", never)
    promote(tracked.root, latest(tracked, 1).info.run_name or "", never)
    assert champion(tracked) == "1"


def test_a_server_that_does_not_answer_is_no_verdict(tracked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    play(tracked, 1, translations(20))
    outputs = champion_module._outputs

    def silent(_: object) -> None:
        raise ServerError("MLflow does not answer")

    monkeypatch.setattr(champion_module, "_outputs", silent)
    with pytest.raises(SeqlabError, match="does not answer"):
        play(tracked, 2, translations(2))
    assert "challenge" not in latest(tracked, 2).data.tags
    monkeypatch.setattr(champion_module, "_outputs", outputs)
    sync(tracked.root)
    assert latest(tracked, 2).data.tags["challenge"].startswith("won against")
    assert champion(tracked) == "2"


def test_promote_holds_nobody_up_while_it_asks(tracked: Project) -> None:
    play(tracked, 1, translations(10))
    play(tracked, 2, translations(30))
    play(tracked, 3, translations(40))

    def another_is_quicker(_: str) -> bool:
        promote(tracked.root, latest(tracked, 3).info.run_id, lambda _: True)
        return True

    with pytest.raises(SeqlabError, match="has another champion by now: ask again"):
        promote(tracked.root, latest(tracked, 2).info.run_id, another_is_quicker)
    assert champion(tracked) == "3"


def test_promote_asks_before_scores_that_do_not_compare(tracked: Project) -> None:
    play(tracked, 1, translations(10))
    play(tracked, 2, translations(2), signature=SIGNATURE.replace("13a", "char"))
    with pytest.raises(AssertionError, match="cannot be compared: another signature of BLEU"):
        promote(tracked.root, latest(tracked, 2).info.run_id, never)


def test_a_run_goes_by_its_model_s_alias(tracked: Project) -> None:
    play(tracked, 1, translations(2))
    play(tracked, 2, translations(20))
    server = connect(tracked.home)
    aliases = {alias: find_run(server, alias).data.params["seed"] for alias in ("champion", "newest")}
    assert aliases == {"champion": "1", "newest": "2"}
    assert find_run(server, f"{TASK}@champion").info.run_id == find_run(server, "champion").info.run_id
    version = server.client.get_model_version_by_alias(TASK, "champion")
    server.client.create_registered_model("seqlab-other")
    server.client.create_model_version("seqlab-other", f"runs:/{version.run_id}/model", version.run_id)
    server.client.set_registered_model_alias("seqlab-other", "champion", "1")
    # The working copy's own task is meant; another's model never takes its place.
    assert find_run(server, "champion").data.params["seed"] == "1"
    with pytest.raises(SeqlabError, match=f"give one of {TASK}@champion, seqlab-other@champion"):
        find_run(replace(server, task=None), "champion")
    server.client.delete_registered_model_alias(TASK, "champion")
    with pytest.raises(SeqlabError, match=f"no model of {TASK} .* goes by champion; there is seqlab-other@champion"):
        find_run(server, "champion")
    with pytest.raises(SeqlabError, match="no run nobody@champion"):
        find_run(server, "nobody@champion")


def test_a_run_goes_by_the_name_that_people_gave_it(tracked: Project) -> None:
    play(tracked, 1, translations(2))
    server, run = connect(tracked.home), latest(tracked, 1).info.run_id
    for name in ("my best run", "seed=3 (50 % less)", "größter", "--", "a" * 200):
        server.client.update_run(run, name=name)
        assert find_run(server, name).info.run_id == run
    for name in ("it's", "a' OR attributes.run_id != 'b", "two\nlines", "`x`", "back\\slash"):
        server.client.update_run(run, name=name)
        with pytest.raises(SeqlabError, match="no run "):
            find_run(server, name)


def test_a_run_without_a_model_cannot_be_promoted(tracked: Project) -> None:
    recorder = tracked.recorder("train")
    recorder.start()
    recorder.fail("the numbers went wrong")
    sync(tracked.root)
    (run,) = Store(tracked).runs()
    with pytest.raises(SeqlabError, match="has no model in the registry"):
        promote(tracked.root, run.info.run_id, never)
    with pytest.raises(SeqlabError, match="no run nonsense"):
        promote(tracked.root, "nonsense", never)
