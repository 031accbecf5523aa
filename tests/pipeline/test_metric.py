"""A metric is added as CONTRIBUTING says: a scoring function, its line in evaluate, its line in the registry."""

import json

import pytest

from tests.pipeline.conftest import Project
from tests.pipeline.test_why import replace

FUNCTION = '''"""Length ratio: words of the translations for each word of the first references."""

from collections.abc import Sequence
from typing import Any


def length_ratio(translations: Sequence[str], references: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """Words of the translations for each word of the first references."""
    words = [sum(len(text.split()) for text in side) for side in (translations, [each[0] for each in references])]
    return {"score": words[0] / words[1], "signature": "tok:space"}
'''


@pytest.mark.slow
def test_it_is_shown_wherever_metrics_are_and_retrains_nothing(finished: Project) -> None:
    source = finished.root / "src/seqlab"
    (source / "evaluation/scoring/length_ratio.py").write_text(FUNCTION, "utf-8")
    evaluation = source / "evaluation/evaluation.py"
    imported = "from seqlab.evaluation.scoring.length_ratio import length_ratio\n"
    replace(evaluation, "from seqlab.evaluation.scoring.metrics", f"{imported}from seqlab.evaluation.scoring.metrics")
    entry = '        "length_ratio": length_ratio(texts, references),\n'
    replace(evaluation, '        "exact_match": ', f'{entry}        "exact_match": ')
    registered = '    Metric("length_ratio", "Length ratio", 3),\n'
    replace(source / "results/metrics.py", "    PERPLEXITY,\n", f"    PERPLEXITY,\n{registered}")

    assert finished.repro() == ["evaluate", "report"]
    pairs = [json.loads(line) for line in finished.read("reports/translations.jsonl").splitlines()]
    written = sum(len(pair["translation"].split()) for pair in pairs)
    expected = written / sum(len(pair["references"][0].split()) for pair in pairs)
    assert json.loads(finished.read("reports/metrics.json"))["length_ratio"] == pytest.approx(expected, abs=1e-4)
    assert f"| Length ratio | **{expected:.3f}** | | `tok:space` |" in finished.read("reports/report.md")
    assert f"<dt>Length ratio</dt>\n        <dd><b>{expected:.3f}</b>" in finished.read("reports/report.html")

    def seqlab(*arguments: str) -> str:
        return finished.run("seqlab", *arguments, PYTHONPATH="src").stdout

    # A server that no publisher with the code of before has written to.
    finished.environment["MLFLOW_TRACKING_URI"] = "sqlite:///metric.db"
    seqlab("sync")
    assert f"Length ratio  {expected:6.3f}  tok:space" in seqlab("summary")
    seqlab("compare")
    assert "Length ratio" in finished.read("reports/comparison.md")
    program = (
        "import mlflow; runs = mlflow.search_runs(search_all_experiments=True, output_format='list'); "
        "print(*(run.data.tags['mlflow.note.content'] for run in runs))"
    )
    shown = finished.run("python", "-c", program).stdout
    assert f"| Length ratio | {expected:.3f} |  | `tok:space` |" in shown
