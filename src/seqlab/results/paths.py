"""What a run is made of: the paths of its files below the root of a working copy, as DVC, journal and MLflow have them.

The stages, which must not depend on this, are given their paths by `pipeline/`; tests/results/test_paths.py holds these
to `dvc.yaml`.
"""

# The parameters; the stages, and the versions on which their bytes depend; the code: with the data, a recipe.
PARAMS = "params.yaml"
PIPELINE = "dvc.yaml"
VERSIONS = "versions.toml"
DEFINITIONS = (PIPELINE, VERSIONS)
CODE = ("src", "pipeline")
RECIPE = (*DEFINITIONS, PARAMS, *CODE)
# What DVC found the recipe to come to.
LOCK = "dvc.lock"
# The settings of the project, and the packages that an environment is installed from.
PROJECT = "pyproject.toml"
PINS = ("requirements.txt", "requirements-torch.txt")
# Data that come with the working copy; of the corpora, one is made from them.
OWN_TEXT = "data/own"

RAW = "data/raw"
TEST_SET = f"{RAW}/test.jsonl"
MANIFEST = f"{RAW}/manifest.json"
STATISTICS = "data/statistics.json"

MODELS = "models"
BEST = f"{MODELS}/best"
LAST = f"{MODELS}/last"
DIGESTS = f"{MODELS}/digests.safetensors"
CURVES = "reports/curves.csv"
STEPS = "reports/steps.csv"
TRAINING = "reports/training.json"

SCORES = "reports/scores.json"
TRANSLATIONS = "reports/translations.jsonl"
BLEU_BY_LENGTH = "reports/bleu_by_length.csv"
EXPOSURE = "reports/exposure.csv"
ATTENTION = "reports/attention.json"

PAGE = "reports/report.html"
SUMMARY = "reports/report.md"

# What begins the path of a file of code.
CODE_FILES = ("src/", "pipeline/")
# What begins the path of any output; of what training, evaluation and report write; of what is no data and no model.
OUTPUTS = ("data/", "models/", "reports/")
RESULTS = ("models/", "reports/")
REPORTS = "reports/"
# What begins the path of a checkpoint's file: in MLflow it is a model's, not the run's.
CHECKPOINTS = (f"{BEST}/", f"{LAST}/")
# Of the report stage, whose code and parameters are in no fingerprint: they may change while the run stays.
PAGES = (PAGE, SUMMARY)
# Files of the working copy that a run shows beside what training and evaluation wrote.
INPUTS = (PARAMS, LOCK, MANIFEST, STATISTICS)
