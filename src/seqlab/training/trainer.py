"""The training loop."""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence

from torch import Tensor

from seqlab.core.errors import SeqlabError
from seqlab.params.schema import TrainParams
from seqlab.seq2seq.checkpoint import model_tensors
from seqlab.text.batches import Batch, Batches
from seqlab.training import snapshot
from seqlab.training.digests import ParameterDigests
from seqlab.training.early_stopping import Best
from seqlab.training.events import (
    BatchFinished,
    EpochFinished,
    Event,
    Listener,
    StateSaved,
    StepFinished,
    TrainingFinished,
    TrainingStarted,
)
from seqlab.training.interruption import Interrupted
from seqlab.training.learning_rate import learning_rate_at
from seqlab.training.outputs import ModelOutputs
from seqlab.training.pace import Pace
from seqlab.training.resume import ResumeStore, SavedState
from seqlab.training.state import TrainingState
from seqlab.training.update import StepResult, Updater
from seqlab.training.validator import ValidationScores, Validator

# Seconds between two saved states within an epoch. When they are saved changes no result.
SAVE_SECONDS = 60.0


class Trainer:
    """Trains a model: epochs of optimizer steps, each followed by validation, until the last or until patience ends.

    What it computes depends on its arguments up to `validator` alone: not on when it was interrupted and resumed, on
    the clock, or on who listens.
    """

    def __init__(
        self,
        updater: Updater,
        params: TrainParams,
        batches: Batches,
        validator: Validator,
        outputs: ModelOutputs,
        *,
        store: ResumeStore | None,
        earlier: SavedState | None = None,
        listeners: Sequence[Listener] = (),
        stop: Callable[[], bool] = lambda: False,
        save_seconds: float = SAVE_SECONDS,
    ) -> None:
        """Prepare; nothing is computed or written yet.

        Args:
            updater: The model and its optimizer.
            params: Schedules and limits.
            batches: The training split.
            validator: Scores the model after each epoch.
            outputs: Takes the best and the last parameters.
            store: Where states are saved to, and resumed from; None: nowhere.
            earlier: The state that a training of fewer epochs ended in, to go on from where `store` has none.
            listeners: Called with each event.
            stop: Asked after each step; True ends training with `Interrupted`.
            save_seconds: Time between two saved states within an epoch.
        """
        self._updater = updater
        self._params = params
        self._batches = batches
        self._validator = validator
        self._outputs = outputs
        self._store = store
        self._earlier = earlier
        self._listeners = listeners
        self._stop = stop
        self._save_seconds = save_seconds
        self._state = TrainingState()
        self._digests = ParameterDigests(updater.model, updater.repeated)
        # The parameters of the epochs in state.early_stopping.kept.
        self._kept: list[dict[str, Tensor]] = []
        self._saved: tuple[int, int] | None = None
        self._saved_at = time.monotonic()
        # Steps whose result is still to come, each with its epoch; and the seconds since the last one came.
        self._begun: deque[tuple[int, int]] = deque()
        self._seconds = 0.0
        self._window_pace = Pace()
        self._epoch_pace = Pace()

    def run(self) -> None:
        """Train to the end, from the newest saved state if there is one.

        Raises:
            Interrupted: `stop` said so; the state is saved.
            SeqlabError: the numbers went wrong, memory ran out, or a file cannot be written.
        """
        started = time.monotonic()
        continued = self._resume()
        state = self._state
        self._emit(
            TrainingStarted(
                step=state.step,
                epoch=state.epoch,
                epochs=self._params.epochs,
                steps_per_epoch=len(self._batches),
                parameters=self._parameters(),
                step_points=tuple(state.step_points),
                epoch_points=tuple(state.epoch_points),
                continued=continued,
            )
        )
        while not self._is_over():
            self._train_epoch()
            self._finish_epoch()
        self._finish(time.monotonic() - started)

    def _is_over(self) -> bool:
        # Found from the state, which says nothing of it: a training of more epochs goes on from the same state.
        state, params = self._state, self._params
        return state.epoch > params.epochs or state.early_stopping.exhausted(params.patience)

    def _resume(self) -> bool:
        """Go on from the newest state; return whether it is the one that a shorter training ended in."""
        saved = (self._store.load() if self._store else None) or self._earlier
        if saved is None:
            return False
        try:
            self._state, self._kept = snapshot.restore(saved, self._updater, self._digests)
        except ValueError as error:
            raise SeqlabError(
                f"the saved training state does not fit this training ({error}); delete .checkpoints/"
            ) from None
        if saved is not self._earlier:
            self._saved = self._position()
        self._write_checkpoints(best=True)
        return saved is self._earlier

    def _train_epoch(self) -> None:
        self._updater.model.train()
        self._epoch_pace = Pace()
        for batch in self._batches.epoch(self._state.epoch, start=self._state.batch):
            self._train_step(batch)
            self._safe_point()
        self._finish_steps()

    def _train_step(self, batch: Batch) -> None:
        started = time.perf_counter()
        state, step = self._state, self._state.step + 1
        rate = learning_rate_at(self._params, step=step, epoch=state.epoch, plateau_factor=state.plateau.factor)
        place = f"at step {step} (epoch {state.epoch}, batch {state.batch + 1})"
        results = self._updater.begin(batch, step=step, learning_rate=rate, place=place)
        self._digests.add()
        self._begun.append((step, state.epoch))
        state.step = step
        state.batch += 1
        self._take(results, started)

    def _finish_steps(self) -> None:
        """Wait for the steps under way, so that all that is known of training is of the same step."""
        started = time.perf_counter()
        self._take(self._updater.finish(), started)

    def _take(self, results: Sequence[StepResult], started: float) -> None:
        self._seconds += time.perf_counter() - started
        for result in results:
            step, epoch = self._begun.popleft()
            self._state.count(result, self._params.max_grad_norm)
            seconds, self._seconds = self._seconds, 0.0
            for pace in (self._window_pace, self._epoch_pace):
                pace.add(result.tokens, seconds)
            self._emit(BatchFinished(step, epoch, result.loss, result.tokens, seconds))
            if self._state.window.steps == self._params.log_every:
                self._finish_window(step, epoch)

    def _finish_window(self, step: int, epoch: int) -> None:
        self._digests.gather()
        point = self._state.end_window(step, epoch)
        self._emit(StepFinished(point, self._window_pace.tokens_per_second))
        self._window_pace = Pace()

    def _finish_epoch(self) -> None:
        started = time.perf_counter()
        state, params = self._state, self._params
        scores = self._validate()
        valid_seconds = time.perf_counter() - started
        place = self._keep(scores)
        state.plateau.update(scores.loss, decay=params.learning_rate_decay, patience=params.learning_rate_patience)
        point = state.end_epoch(scores)
        self._save()
        self._emit(
            EpochFinished(
                point=point,
                best=place == 0,
                clipped_steps=state.clipped_steps,
                train_seconds=self._epoch_pace.seconds,
                valid_seconds=valid_seconds,
                tokens_per_second=self._epoch_pace.tokens_per_second,
            )
        )
        self._write_checkpoints(best=place is not None)

    def _keep(self, scores: ValidationScores) -> int | None:
        """Keep the epoch's parameters if they are among the best; return their place, None if they are not."""
        state, params = self._state, self._params
        epoch = Best(state.epoch, state.step, scores)
        place = state.early_stopping.update(params.early_stopping_metric, epoch, params.keep_checkpoints)
        if place is not None:
            tensors = model_tensors(self._updater.trained)
            self._kept.insert(place, {name: tensor.clone() for name, tensor in tensors.items()})
            del self._kept[params.keep_checkpoints :]
        return place

    def _validate(self) -> ValidationScores:
        self._updater.trained.eval()
        scores = self._validator(self._updater.trained, self._safe_point)
        if not all(map(math.isfinite, (scores.loss, scores.perplexity, scores.bleu, scores.exact_match))):
            raise SeqlabError(
                f"the numbers went wrong in the validation after epoch {self._state.epoch}: loss {scores.loss}, "
                f"perplexity {scores.perplexity}, learning rate {self._state.learning_rate:g}; "
                "lower train.learning_rate. The checkpoints of earlier epochs are kept in models/"
            )
        return scores

    def _finish(self, seconds: float) -> None:
        state = self._state
        if state.early_stopping.best is None:
            raise AssertionError("a training without an epoch")
        if state.window.steps:
            self._finish_window(state.step, len(state.epoch_points))
        self._emit(
            TrainingFinished(
                best=state.early_stopping.best,
                kept=tuple(each.epoch for each in state.early_stopping.kept),
                epochs=len(state.epoch_points),
                steps=state.step,
                stopped_early=len(state.epoch_points) < self._params.epochs,
                parameters=self._parameters(),
                clipped_steps=state.clipped_steps,
                largest_gradient_norm=state.largest_gradient_norm,
                seconds=seconds,
            )
        )

    def _safe_point(self) -> None:
        """Between two steps, or two batches of validation: save the state if it is time, and stop if asked to."""
        if self._stop():
            self._save()
            raise Interrupted(self._farewell())
        if time.monotonic() - self._saved_at >= self._save_seconds:
            self._save()

    def _farewell(self) -> str:
        where = f"training stopped after step {self._state.step}, in epoch {self._state.epoch}"
        if self._store is None:
            return f"{where}; its state was not saved: `dvc repro` starts it anew"
        return f"{where}; its state is saved: `dvc repro` resumes it there, and ends in the same result"

    def _save(self) -> None:
        self._finish_steps()
        self._saved_at = time.monotonic()
        if self._store is None or self._saved == self._position():
            return
        self._store.save(snapshot.take(self._state, self._updater, self._digests, self._kept))
        self._saved = self._position()
        self._emit(StateSaved(self._state.step, time.monotonic() - self._saved_at))
        self._saved_at = time.monotonic()

    def _position(self) -> tuple[int, int]:
        return self._state.epoch, self._state.batch

    def _write_checkpoints(self, *, best: bool) -> None:
        state = self._state
        if best and self._kept:
            self._emit(self._outputs.write("best", self._kept, state.early_stopping.kept))
        if state.epoch_points and state.batch == 0:
            point = state.epoch_points[-1]
            scores = ValidationScores(
                point.valid_loss, point.valid_perplexity, point.valid_bleu, point.valid_exact_match
            )
            tensors = model_tensors(self._updater.trained)
            self._outputs.write_digests(self._digests)
            self._emit(self._outputs.write("last", [tensors], [Best(point.epoch, point.step, scores)]))

    def _parameters(self) -> int:
        return sum(parameter.numel() for parameter in self._updater.model.parameters())

    def _emit(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)
