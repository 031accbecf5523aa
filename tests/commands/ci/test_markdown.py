import re

import pytest
from markdown_it import MarkdownIt

from seqlab.commands.ci.changes import Change
from seqlab.commands.ci.lock import Lock
from seqlab.commands.ci.markdown import LONGEST, render_summary, value
from seqlab.commands.ci.reproduction import Reproduction, StageOutcome
from seqlab.results.scores import Scores
from seqlab.significance.paired_test import PairedResult
from tests.commands.ci.samples import integration, result

HOSTILE = (
    "</code><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a | b \\| c", "`x` **bold** _it_", "|", "\\",
    "[link](https://a.b) ![x](https://a.b/c.png)", "line\n| --- |\n", "```", "https://a.b", "$x^2$", "<!-- seqlab -->",
)  # fmt: skip


def html(text: str) -> str:
    """The summary as GitHub would render it; inline HTML passes."""
    return str(MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(text))


def rows(text: str) -> list[list[str]]:
    """The cells of all table rows."""
    return [
        re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
        for row in re.findall(r"<tr>(.*?)</tr>", html(text), re.DOTALL)
    ]


def test_stages_scores_and_parameters_stand_in_tables() -> None:
    changes = [Change("params.yaml", "train.epochs", 3, 4), Change("params.yaml", "model.attention", None, "dot")]
    metrics = [Change("reports/metrics.json", "rouge1", 2, 3), Change("reports/metrics.json", "bleu", 1, 2)]
    found = rows(render_summary(integration(parameters=changes, metrics=metrics)))
    assert ["<code>download</code>", "unchanged, not run"] in found
    assert ["<code>tokenize</code>", "restored, not run"] in found
    assert ["<code>train</code>", "ran"] in found
    assert ["<code>train.epochs</code>", "<code>3</code>", "<code>4</code>"] in found
    assert ["<code>model.attention</code>", "–", "<code>dot</code>"] in found
    assert ["BLEU", "46.00", "<strong>50.00</strong>", "40.0 – 60.0", "+4.00"] in found
    assert ["Perplexity", "11.50", "<strong>7.50</strong>", "", "-4.00"] in found
    assert ["0–5", "40", "56.0", "60.0"] in found
    assert ["6+", "0", "–", "–"] in found
    # Scores have a table of their own.
    assert ["<code>reports/metrics.json</code> <code>rouge1</code>", "<code>2</code>", "<code>3</code>"] in found
    assert not any("<code>bleu</code>" in cell for row in found for cell in row)


def test_without_a_base_only_this_result_is_shown() -> None:
    text = render_summary(integration(base=None, base_name="origin/@main", before=None))
    assert ["BLEU", "<strong>50.00</strong>", "40.0 – 60.0"] in rows(text)
    assert "no commit that git knows" in text
    assert "against the base" not in text


@pytest.mark.parametrize("text", HOSTILE)
def test_values_render_as_themselves(text: str) -> None:
    change = Change(text, text, text, [text])
    shown = integration(
        parameters=[change],
        metrics=[change],
        notes=[text],
        base_name=text,
        numerics=text,
        lock=Lock.OTHER_BYTES,
        verdict=PairedResult(0.5, text),
        reproduction=Reproduction({text: StageOutcome.RAN}),
    )
    plain = html(render_summary(shown))
    expected = html(
        render_summary(
            integration(
                parameters=[Change("x", "x", "x", ["x"])],
                metrics=[Change("x", "x", "x", ["x"])],
                notes=["x"],
                base_name="x",
                numerics="x",
                lock=Lock.OTHER_BYTES,
                verdict=PairedResult(0.5, "x"),
                reproduction=Reproduction({"x": StageOutcome.RAN}),
            )
        )
    )
    # The same markup as with a harmless text: nothing of it became structure.
    assert re.findall(r"<[^>]*>", plain) == re.findall(r"<[^>]*>", expected)


def test_values_are_code_and_call_nobody() -> None:
    assert value("@octocat") == "<code>@\u200boctocat</code>"
    assert value("#12") == "<code>#\u200b12</code>"
    assert value(0.1 + 0.2) == "<code>0.3</code>"
    assert value(None) == "–"


def test_no_text_of_the_corpus_is_shown() -> None:
    text = render_summary(integration())
    assert "source 1" not in text
    assert "vieux" not in text


@pytest.mark.parametrize("count", [0, 100, 10_000])
def test_it_stays_within_github_s_limit_and_says_what_is_left_out(count: int) -> None:
    changes = [Change("<" * 500, f"{number}" + "|" * 500, "&" * 500, number) for number in range(count)]
    text = render_summary(integration(parameters=changes, metrics=changes))
    assert len(text) <= LONGEST < 65_536
    assert ("more are not shown" in text) == (count > 0)


def test_the_verdict_is_in_words() -> None:
    assert "is **significant**: p = 0.0010" in render_summary(integration(verdict=PairedResult(0.001, "ar")))
    assert "is **not significant**: p = 0.0500" in render_summary(integration(verdict=PairedResult(0.05, "ar")))
    assert "significant" not in render_summary(integration())


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        (Lock.SAME, "is up to date"),
        (Lock.STALE, "**not what this run made**"),
        (Lock.OTHER_BYTES, "**its outputs have other bytes**"),
        (Lock.ABSENT, "has no `dvc.lock`"),
    ],
)
def test_it_says_how_dvc_lock_stands(lock: Lock, words: str) -> None:
    text = render_summary(integration(lock=lock))
    assert words in text
    assert ("continuous integration commits nothing" in text) == (lock in (Lock.STALE, Lock.ABSENT))


def test_a_failure_is_the_headline_and_shows_no_scores() -> None:
    stages = {"download": StageOutcome.UNCHANGED, "train": StageOutcome.FAILED, "report": StageOutcome.NOT_REACHED}
    failed = integration(reproduction=Reproduction(stages, succeeded=False), after=None, before=None)
    text = render_summary(failed)
    assert text.startswith("## The experiment failed")
    assert ["<code>train</code>", "failed"] in rows(text)
    assert "### Scores" not in text
    assert "### dvc.lock" not in text


@pytest.mark.parametrize(("before", "after"), [(5, 3), (3, 5)])
def test_the_curve_shows_each_side_as_far_as_it_was_trained(before: int, after: int) -> None:
    text = render_summary(integration(before=result(4, epochs=before), after=result(epochs=after)))
    chart = text.split("```mermaid\n")[1].split("```")[0]
    assert '["1", "2", "3", "4", "5"]' in chart
    curves = [[f"{10.0 * epoch - wrong:.2f}" for epoch in range(1, 6)] for wrong in (4, 0)]
    assert f"line [{', '.join(curves[0][:before])}]" in chart
    assert f"line [{', '.join(curves[1][:after])}]" in chart


def test_it_links_to_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("SERVER_URL", "https://github.com"), ("REPOSITORY", "owner/name"), ("RUN_ID", "7")):
        monkeypatch.setenv(f"GITHUB_{name}", text)
    assert "[this run](https://github.com/owner/name/actions/runs/7)" in render_summary(integration())
    monkeypatch.delenv("GITHUB_RUN_ID")
    assert "this run](" not in render_summary(integration())


def test_the_measure_of_the_corpus_is_the_headline() -> None:
    found = integration(verdict=PairedResult(0.5, "ar"))
    for side, exact in ((found.before, 41.5), (found.after, 44.0)):
        assert side is not None
        content = side.scores.model_dump() | {"measure": "exact_match", "exact_match": exact}
        object.__setattr__(side, "scores", Scores.model_validate(content))
        object.__setattr__(
            side, "epochs", [each.model_copy(update={"valid_exact_match": exact}) for each in side.epochs]
        )
    summary = render_summary(found)
    assert summary.startswith("## Exact match 44.0 %, +2.5 against the base\n")
    assert summary.index("| Exact match |") < summary.index("| BLEU |")
    assert "The difference in Exact match is **" in summary
    assert 'y-axis "Exact match" 0 --> 44.00' in summary
    assert "Validation BLEU" not in summary
