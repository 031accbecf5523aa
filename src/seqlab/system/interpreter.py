"""Refuses, when it is imported, a Python without the project's packages: a stage imports it before all else."""

import importlib.util
import sys

if sys.version_info < (3, 11) or importlib.util.find_spec("psutil") is None:
    sys.exit(
        f"{sys.executable} (Python {sys.version_info[0]}.{sys.version_info[1]}) lacks the project's packages: "
        "`make install` makes an environment that has them, in .venv"
    )
