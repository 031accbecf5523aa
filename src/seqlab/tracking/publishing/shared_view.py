"""The experiment's view in the MLflow UI: columns and charts of teacher forcing ratio, hidden size and BLEU.

The UI knows neither which parameters matter nor which metric. It takes a view that was saved in a tag of the
experiment, as its own *Views* button does: the state of the page as JSON, deflated, and a name.

No tag or setting of a server makes the UI open there: whether it shows agents or training is of the address and of each
browser (`workflowType`), and it begins with agents. So the address is given, and descriptions say where to click.
"""

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

from seqlab.results import metrics
from seqlab.tracking.publishing.tags import CHALLENGE

KEY = "seqlab"
TAG = f"mlflow.sharedViewState.{KEY}"
# Of what the UI offers for experiments: training, not agents and traces.
KIND = {"mlflow.experimentKind": "custom_model_development"}
RATIO, HIDDEN_SIZE, BLEU = "train.teacher_forcing_ratio", "model.hidden_size", metrics.BLEU.point
COLUMNS = (
    f"params.`{RATIO}`",
    f"params.`{HIDDEN_SIZE}`",
    "params.`model.cell`",
    "params.`model.attention`",
    "params.`seed`",
    f"metrics.`{BLEU}`",
    f"metrics.`{metrics.PERPLEXITY.point}`",
    f"tags.`{CHALLENGE}`",
)
CURVES = ("valid/bleu", "valid/loss", "train/loss")
SUMMARY_SECTION, CURVES_SECTION = "Ratio, hidden size and BLEU", "Learning curves"
RUNS_SHOWN = 20
# Of three, on a screen 1,360 pixels wide, no axis can be read.
CHARTS_IN_A_ROW = 2
# As *Views* lists it; the time is a constant, so that the tag is the same whoever sets it.
NAME = SUMMARY_SECTION
CREATED_MS = 1795651200000


def view_tags() -> dict[str, str]:
    """The experiment's tags that make the UI show it so."""
    state = json.dumps(_state(), separators=(",", ":")).encode()
    deflated = "deflate;" + base64.b64encode(zlib.compress(state, 9)).decode("ascii")
    saved = {"name": NAME, "createdAt": CREATED_MS, "updatedAt": CREATED_MS, "state": deflated}
    return {**KIND, TAG: json.dumps(saved)}


def experiment_note(experiment_id: str) -> str:
    """The experiment's description: where to click. MLflow's list of experiments shows its beginning as plain text."""
    return (
        f"Runs side by side: Model training, Runs, then Views: {NAME}.\n\n"
        f"[**{NAME}**]({_page(experiment_id)}): best run first, with charts and learning curves. To compare some, "
        "hide the others by the eyes beside their names; `seqlab compare` says which differences are real."
    )


def model_note(corpus: Mapping[str, Any], experiment_id: str) -> str:
    """A registered model's description: what its versions are, and where their scores stand side by side."""
    return (
        f"Models of {corpus['name']}, {corpus['source']} → {corpus['target']}: a version for each run.\n\n"
        "- `champion`: the best, as far as a significance test can tell; `seqlab promote` names another\n"
        "- `newest`: published last\n"
        "- `run-…`: that run's, by the end of its name\n\n"
        f"Scores: [**{NAME}**]({_page(experiment_id)}); or click Experiments, this experiment, Model training, Runs, "
        f"then Views: {NAME}.\n"
    )


def view_url(uri: str, experiment_id: str) -> str:
    """Address of that view on the server at `uri`."""
    return f"{uri.rstrip('/')}/{_page(experiment_id)}"


def _page(experiment_id: str) -> str:
    options = f"workflowType=machine_learning&compareRunsMode=CHART&viewStateShareKey={KEY}"
    return f"#/experiments/{experiment_id}/runs?{options}"


def _state() -> dict[str, Any]:
    return {
        "searchFilter": "",
        "orderByKey": f"metrics.`{BLEU}`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(COLUMNS),
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsVisibilityMap": {},
        "runsHiddenMode": "FIRST_20_RUNS",
        "compareRunCharts": _charts(),
        "compareRunSections": [
            {
                "uuid": name,
                "name": name,
                "display": True,
                "isReordered": True,
                "deleted": False,
                "isGenerated": False,
                "columns": CHARTS_IN_A_ROW,
            }
            for name in (SUMMARY_SECTION, CURVES_SECTION)
        ],
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": True,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
        "autoRefreshEnabled": True,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }


def _charts() -> list[dict[str, Any]]:
    parameter, metric = "PARAM", "METRIC"
    summary: list[dict[str, Any]] = [
        {"type": "PARALLEL", "selectedParams": [RATIO, HIDDEN_SIZE], "selectedMetrics": [BLEU], "showAllRuns": True},
        {"type": "SCATTER", "xaxis": _axis(RATIO, parameter), "yaxis": _axis(BLEU, metric)},
        {
            "type": "CONTOUR",
            "xaxis": _axis(RATIO, parameter),
            "yaxis": _axis(HIDDEN_SIZE, parameter),
            "zaxis": _axis(BLEU, metric),
        },
        {"type": "BAR", "metricKey": BLEU},
    ]
    curves = [_curve(key) for key in CURVES]
    sections = [SUMMARY_SECTION] * len(summary) + [CURVES_SECTION] * len(curves)
    return [
        {
            "uuid": f"seqlab-{number}",
            "runsCountToCompare": RUNS_SHOWN,
            "metricSectionId": section,
            "deleted": False,
            "isGenerated": False,
            **chart,
        }
        for number, (section, chart) in enumerate(zip(sections, [*summary, *curves], strict=True))
    ]


def _axis(key: str, kind: str) -> dict[str, str]:
    return {"key": key, "type": kind}


def _curve(key: str) -> dict[str, Any]:
    return {
        "type": "LINE",
        "metricKey": key,
        "selectedMetricKeys": [key],
        "lineSmoothness": 0,
        "xAxisScaleType": "linear",
        "scaleType": "linear",
        "range": {},
        "xAxisKey": "step",
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "ignoreOutliers": False,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }
