"""The served model: MLflow runs this file to make it, and hands it the checkpoint as an artifact.

A request is a list of texts, the answer the list of their translations, found with the run's own evaluate parameters.
MLflow checks requests against the type hint: anything but texts is answered with status 400.
"""

from pathlib import Path

import mlflow
from mlflow.pyfunc.model import PythonModel, PythonModelContext

CHECKPOINT = "checkpoint"


class TranslationModel(PythonModel):
    """Source texts in, translations out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the checkpoint."""
        from seqlab.evaluation.translator import Translator

        self._translator = Translator.load(Path(context.artifacts[CHECKPOINT]))
        self._search = context.model_config

    # MLflow reads the signature off these types.
    def predict(  # type: ignore[override]
        self,
        context: PythonModelContext,  # noqa: ARG002 (MLflow's)
        model_input: list[str],
    ) -> list[str]:
        """The best translation of each text."""
        return [best.text for best, *_ in self._translator.translate(model_input, **self._search)]


mlflow.models.set_model(TranslationModel())
