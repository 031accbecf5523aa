"""The served model: MLflow runs this file to make it, and hands it the checkpoint as an artifact.

A request is a list of texts, the answer the list of their translations, found with the run's own evaluate parameters.
MLflow checks requests against the type hint: anything but texts is answered with status 400; so is a request that is
larger than the limits below, or holds a text that is not valid Unicode.
"""

from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext

CHECKPOINT = "checkpoint"
# A request is answered in some seconds, and nobody's takes all of the memory.
MOST_TEXTS = 256
LONGEST_TEXT = 10_000


class TranslationModel(PythonModel):
    """Source texts in, translations out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the checkpoint."""
        from seqlab.evaluation.translator import Translator

        self._search = dict(context.model_config)
        parameters = self._search.pop("parameters")
        self._translator = Translator.load(Path(context.artifacts[CHECKPOINT]), parameters=parameters)

    # MLflow reads the signature off these types.
    def predict(  # type: ignore[override]
        self,
        context: PythonModelContext,  # noqa: ARG002 (MLflow's)
        model_input: list[str],
    ) -> list[str]:
        """The best translation of each text.

        Raises:
            MlflowException: there are more than MOST_TEXTS texts, or one is longer than LONGEST_TEXT characters or is
                not valid Unicode; the server answers with status 400 and the message.
        """
        from seqlab.core.errors import SeqlabError

        _check(model_input)
        try:
            return [best.text for best, *_ in self._translator.translate(model_input, **self._search)]
        except SeqlabError as error:
            raise _refusal(str(error)) from None


def _check(texts: list[str]) -> None:
    if len(texts) > MOST_TEXTS:
        raise _refusal(f"{len(texts)} texts in one request, at most {MOST_TEXTS} are taken; send several requests")
    for number, text in enumerate(texts, start=1):
        if len(text) > LONGEST_TEXT:
            raise _refusal(
                f"text {number} has {len(text)} characters, at most {LONGEST_TEXT} are taken; send it in parts"
            )


def _refusal(message: str) -> MlflowException:
    return MlflowException(message, error_code=INVALID_PARAMETER_VALUE)


mlflow.models.set_model(TranslationModel())
