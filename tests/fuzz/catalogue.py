"""All loaders of files from outside."""

from collections.abc import Callable

from tests.fuzz.foreign_files import foreign_loaders
from tests.fuzz.loader import Loader
from tests.fuzz.model_files import model_loaders
from tests.fuzz.text_files import text_loaders

LOADERS: dict[str, Callable[[], Loader]] = {**text_loaders(), **model_loaders(), **foreign_loaders()}
