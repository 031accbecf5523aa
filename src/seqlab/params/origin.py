"""The names of checkpoints from elsewhere: each is a folder below models/origins."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

ORIGINS = Path("models/origins")
# A folder too, for DVC to find one whatever the value: it holds no checkpoint.
NONE = "none"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(value: Any) -> Any:
    """Give back the name of a checkpoint below models/origins, or `none`; other types are pydantic's to refuse.

    Raises:
        ValueError: it is no such name.
    """
    if value is None or (isinstance(value, str) and value != NONE and value.lower() in (NONE, "null", "~", "")):
        raise ValueError(f"write {NONE} where there is to be no checkpoint: DVC reads the name as that of a folder")
    # DVC keeps what it knows of a folder in a file of its name and .dvc.
    if isinstance(value, str) and (not NAME.fullmatch(value) or value.endswith(".dvc")):
        raise ValueError(
            f"{value!r:.80} names no folder below {ORIGINS}: use letters, digits and . _ -, 64 at most, a letter or "
            "digit first"
        )
    return value


OriginName = Annotated[str, BeforeValidator(check_name)]


def origin_folder(name: str) -> Path | None:
    """The folder of the checkpoint of that name, relative to params.yaml; None for `none`."""
    return None if name == NONE else ORIGINS / name
