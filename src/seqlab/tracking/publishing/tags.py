"""The tags of a run: where it comes from, and how often it was repeated."""

from collections.abc import Mapping
from typing import Any

from seqlab.results.metrics import Metric, measure_named
from seqlab.results.paths import PARAMS, PIPELINE, TEST_SET
from seqlab.tracking.journal.execution import Execution
from seqlab.tracking.journal.ledger import Ledger
from seqlab.tracking.journal.points import COUNTERS
from seqlab.tracking.journal.record import as_text

RUN_FINGERPRINT = "seqlab.run_fingerprint"
TRAIN_FINGERPRINT = "seqlab.train_fingerprint"
EXECUTION_IDS = "seqlab.execution_ids"
PUBLISHED = "seqlab.published"
FILES = "seqlab.files"
NOTE = "mlflow.note.content"
OUR_NOTE = "seqlab.note"
ERROR = "error"
CHALLENGE = "challenge"
TRAINING_COUNTERS = ("epochs", "steps", "parameters", "clipped_steps", "largest_gradient_norm")
# Of the checkpoint that training started from.
ORIGIN = ("run", "fingerprint", "sha256")
# The runs whose models translated together with its own.
ENSEMBLE = "ensemble.runs"
EXPERIMENT = "dvc_experiment"
COMMIT = "commit"
DIRTY = "dirty"
DIRTY_FILES = "dirty_files"
PARAMS_DIFF = "params_diff"
NUMERICS_CLASS = "numerics_class"
DIFFERS = "differs"
# What begins the tags of a recipe's code, a digest a stage, and of its data, a digest a path.
CODE, DATA = "code.", "data."
TEST_SET_DIGEST = f"{DATA}{TEST_SET}"
SIGNATURE = "signature."
# What the corpus is measured by.
MEASURE = "test.measure"
# That its best model was made a version of a registered one: if there is none any more, somebody deleted it.
REGISTERED = "seqlab.registered"
# Of a logged model: the digest of its checkpoint's files, path → SHA-256.
CHECKPOINT_DIGEST = "seqlab.checkpoint"
# The names of all sweeps that the run belongs to; in the UI, group by it.
SWEEP = "sweep"
# MLflow's own limit is 8,000 characters.
LONGEST = 4000


def fact_tags(first: Execution, numerics: dict[str, Any], scores: dict[str, Any]) -> dict[str, str]:
    """What stays as it is: identity, provenance of the first execution, numerics class, signatures of the scores."""
    provenance, recipe = first.header["provenance"], first.header["recipe"]
    tags = {
        RUN_FINGERPRINT: first.run_fingerprint,
        TRAIN_FINGERPRINT: first.train_fingerprint,
        "mlflow.source.name": PIPELINE,
        "mlflow.source.type": "LOCAL",
        "mlflow.user": provenance.get("user") or "",
        "versions": _listed({"python": provenance["python"], **provenance["versions"]}),
        "device": recipe["train"]["runtime"]["device"],
        "threads": str(recipe["train"]["runtime"]["threads"]),
        f"{CODE}train": recipe["train"]["code"],
        f"{CODE}evaluate": recipe["evaluate"]["code"],
        NUMERICS_CLASS: _listed(numerics),
        EXPERIMENT: provenance.get("experiment") or "",
    }
    tags |= {f"{DATA}{path}": md5 for part in recipe.values() for path, md5 in part["data"].items()}
    tags |= {f"{SIGNATURE}{name}": score["signature"] for name, score in scores.items() if _signed(score)}
    return _present(tags | _git_tags(provenance))


def counter_tags(training: dict[str, Any], scores: dict[str, Any]) -> dict[str, str]:
    """What no chart shows: what training came to, the size of the test set and its measure; {} before there are any."""
    best, origin = training.get("best", {}), training.get("started_from", {})
    members = scores.get("ensemble_with", [])
    counts = {
        **{f"best.{name}": best.get(name) for name in ("epoch", "step")},
        **{f"training.{name}": training.get(name) for name in TRAINING_COUNTERS},
        **{f"origin.{name}": origin.get(name) for name in ORIGIN},
        **{f"origin.valid_{name}": value for name, value in (origin.get("valid") or {}).items()},
        **{f"test.{name}": scores.get(name) for name in COUNTERS},
        ENSEMBLE: shortened(", ".join(each.get("run") or each["origin"] for each in members)) if members else None,
    }
    return {name: as_text(value) for name, value in counts.items() if value is not None}


def measure(tags: Mapping[str, str]) -> Metric:
    """What the run's corpus is measured by: BLEU, where it is of an earlier version or of somebody else."""
    return measure_named(tags.get(MEASURE))


def ledger_tags(ledger: Ledger) -> dict[str, str]:
    """How often the run was executed, and whether its outputs were the same."""
    verdict = {True: "yes", False: "no", None: ""}[ledger.reproduced()]
    return _present(
        {
            EXECUTION_IDS: ledger.short_ids,
            "executions": str(ledger.executions or ""),
            "reproduced": verdict,
            DIFFERS: "; ".join(ledger.differences()),
        }
    )


def member_tag(sweep: str) -> str:
    """The tag, one for each sweep, whose value is the run's name in that sweep."""
    return f"{SWEEP}.{sweep}"


def sweep_tags(present: Mapping[str, str], sweeps: Mapping[str, str]) -> dict[str, str]:
    """The tags to set on a run that has the tags `present`, for it to be a member of `sweeps` (sweep → name in it)."""
    if not sweeps:
        return {}
    known = filter(None, present.get(SWEEP, "").split(", "))
    wanted = {SWEEP: ", ".join(sorted({*known, *sweeps})), **{member_tag(each): sweeps[each] for each in sweeps}}
    return {name: value for name, value in wanted.items() if present.get(name) != value}


def _git_tags(provenance: dict[str, Any]) -> dict[str, str]:
    if "commit" not in provenance:
        return {}
    changed = provenance["params_diff"].items()
    # Parameters are known one by one, and are of the run whatever the commit has.
    code = [path for path in provenance["dirty"] if path != PARAMS]
    return {
        COMMIT: provenance["commit"],
        "mlflow.source.git.commit": provenance["commit"],
        DIRTY: "yes" if code else "no",
        DIRTY_FILES: " ".join(code),
        PARAMS_DIFF: ", ".join(f"{name}: {as_text(old)} → {as_text(new)}" for name, (old, new) in changed),
    }


def _signed(score: Any) -> bool:
    return isinstance(score, dict) and "signature" in score


def _listed(items: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in items.items())


def _present(tags: dict[str, str]) -> dict[str, str]:
    return {name: shortened(value) for name, value in tags.items() if value}


def shortened(value: str) -> str:
    """A tag's value at a length that every server takes."""
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"
