"""The packages on whose versions a stage's bytes depend: which are pinned, and which are installed."""

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.results.paths import VERSIONS


def load_versions(root: Path, stage: str) -> dict[str, str]:
    """The table of `stage` in `root`/versions.toml: package → version.

    Raises:
        SeqlabError: the file or the table is missing or damaged.
    """
    path = root / VERSIONS
    try:
        versions = tomllib.loads(path.read_text("utf-8"))[stage]
        if not isinstance(versions, dict) or not all(isinstance(version, str) for version in versions.values()):
            raise ValueError("not a table of package = version")
        return versions
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise SeqlabError(f"{path}: cannot read the versions of stage {stage} ({error})") from None


def check_versions(root: Path, stage: str) -> None:
    """Refuse packages other than those that `root`/versions.toml pins for `stage`.

    The bytes of a stage's outputs depend on them; DVC and the fingerprint know the stage by these pins.

    Raises:
        SeqlabError: an installed version differs from its pin, or as `load_versions`.
    """
    for package, pin in load_versions(root, stage).items():
        # A local version label such as +cpu says who built it, not which release it is.
        found = (installed(package) or "").partition("+")[0]
        if found != pin:
            raise SeqlabError(
                f"{package} {found or '(none)'} is installed, and {root / VERSIONS} pins {pin}: "
                f"run `make install`, or change the pin if the results may change with it"
            )


def installed(package: str) -> str | None:
    """The version of a package in this environment, with its local label; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
