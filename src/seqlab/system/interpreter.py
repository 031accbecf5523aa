"""A stage imports it before all else: a Python without the project's packages, and Ctrl-C meanwhile, get one line."""

import importlib.util
import os
import signal
import sys

from seqlab.system.exit_status import EXIT_INTERRUPTED

if sys.version_info < (3, 11) or importlib.util.find_spec("psutil") is None:
    sys.exit(
        f"{sys.executable} (Python {sys.version_info[0]}.{sys.version_info[1]}) lacks the project's packages: "
        "`make install` makes an environment that has them, in .venv"
    )


def _leave(_number: int, _frame: object) -> None:
    """End a stage that still imports, and has written nothing."""
    os.write(2, b"interrupted; `dvc repro` runs this stage again\n")
    os._exit(EXIT_INTERRUPTED)


# Until the stage has a handler of its own. Somebody else who imports a stage keeps theirs.
if getattr(getattr(sys.modules["__main__"], "__spec__", None), "name", "").startswith("pipeline."):
    signal.signal(signal.SIGINT, _leave)
