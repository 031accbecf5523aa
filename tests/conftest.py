"""Settings of all tests."""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

# The fixtures of pages in a browser.
pytest_plugins = ["tests.browser"]

# Tests run side by side, and two threads each would wait for one another. PyTorch reads it when it is imported; the
# stages that a test starts set their own number.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

# No timed asserts: a loaded machine is slow, not wrong.
settings.register_profile("seqlab", deadline=None)
settings.load_profile("seqlab")

LONGEST_NAME = 200
LONGEST_BYTES = 20


@pytest.fixture(autouse=True)
def _no_store_of_another_test() -> Iterator[None]:
    """MLflow remembers the last store of this process, and asks the environment only where it remembers none."""
    yield
    if "mlflow" in sys.modules:
        sys.modules["mlflow"].set_tracking_uri(None)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Short names for long values: pytest puts a test's name into the environment, where a megabyte has no room.

    Of bytes the length alone: an archive that is made for a test has the time in it, and all processes must call a test
    the same.
    """
    if isinstance(val, bytes) and len(val) > LONGEST_BYTES:
        return f"{len(val)} bytes"
    if isinstance(val, str) and len(val) > LONGEST_NAME:
        return f"{val[:LONGEST_NAME]!r} of {len(val)}"
    return None
