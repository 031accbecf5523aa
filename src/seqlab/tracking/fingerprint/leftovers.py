"""What interpreters, desktops and editors leave in a folder: no code, and no part of a result.

.dvcignore says the same to DVC.
"""

from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from seqlab.results.paths import CODE_FILES

ANYWHERE = (
    *("__pycache__", "*.egg-info"),
    *(".DS_Store", "._*", "Thumbs.db", "desktop.ini"),
    *(".*.sw[a-p]", ".#*", "#*#", "*~"),
)
# In code alone: text of one's own may have such a name. Vim tries whether it may write with a file named 4913.
IN_CODE = (".*", "*.py[cod]", "*.sw[a-p]", "*.bak", "*.orig", "*.rej", "*.tmp", "4913")


def is_leftover(path: str) -> bool:
    """Whether a file, by its path relative to the project, is such a thing or lies in one."""
    patterns = (*ANYWHERE, *IN_CODE) if path.startswith(CODE_FILES) else ANYWHERE
    return any(fnmatchcase(part, pattern) for part in PurePosixPath(path).parts for pattern in patterns)
