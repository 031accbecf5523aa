"""The experiment's view in the MLflow UI: columns and charts of teacher forcing ratio, hidden size and BLEU.

The UI knows neither which parameters matter nor which metric. It takes a view that was shared through a tag of the
experiment, as its own Share button makes one: the state of the page as JSON, deflated.
"""

import base64
import json
import zlib
from typing import Any

KEY = "seqlab"
TAG = f"mlflow.sharedViewState.{KEY}"
# Of what the UI offers for experiments: training, not agents and traces.
KIND = {"mlflow.experimentKind": "custom_model_development"}
RATIO, HIDDEN_SIZE, BLEU = "train.teacher_forcing_ratio", "model.hidden_size", "test/bleu"
COLUMNS = (
    f"params.`{RATIO}`",
    f"params.`{HIDDEN_SIZE}`",
    "params.`model.cell`",
    "params.`model.attention`",
    "params.`seed`",
    f"metrics.`{BLEU}`",
    "metrics.`test/perplexity`",
    "tags.`challenge`",
)
CURVES = ("valid/bleu", "valid/loss", "train/loss")
SUMMARY_SECTION, CURVES_SECTION = "Ratio, hidden size and BLEU", "Learning curves"
RUNS_SHOWN = 20


def view_tags() -> dict[str, str]:
    """The experiment's tags that make the UI show it so."""
    state = json.dumps(_state(), separators=(",", ":")).encode()
    return {**KIND, TAG: "deflate;" + base64.b64encode(zlib.compress(state, 9)).decode("ascii")}


def view_url(uri: str, experiment_id: str) -> str:
    """Address of that view on the server at `uri`."""
    options = f"workflowType=machine_learning&compareRunsMode=CHART&viewStateShareKey={KEY}"
    return f"{uri.rstrip('/')}/#/experiments/{experiment_id}/runs?{options}"


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
            {"uuid": name, "name": name, "display": True, "isReordered": True, "deleted": False, "isGenerated": False}
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
