"""The loop's trials on the lake, each stored as soon as it is measured.

    pruning_step/ds=2026-01-02/step=00/     the reference
        step.json                           fields, prediction, measurement, verdict
        predictions.safetensors             labels, logits                   (accepted steps only)
        importances.json                    of the fields that are still open         (likewise)
        _marker.json                        inputs: checkpoint, …, and the step before this one

A record counts for a run with the same inputs and code, whose steps before it have the same
content. Others are ignored, and replaced where the run gets that far. Steps beyond the last
that an earlier, longer run left stay where they are: pruning.json's marker names those that count.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from shark_core.errors import DataError
from shark_core.importance.report import FieldImportance
from shark_core.lake import Lake, Marker, Partition, partition
from shark_core.models.predictions import Predictions
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.pruning.loop import Trial
from shark_core.pruning.outcome import Step
from shark_core.schemas import PRUNING_STEP

STEP_FILE = "step.json"
PREDICTIONS_FILE = "predictions.safetensors"
IMPORTANCES_FILE = "importances.json"

_STEP = TypeAdapter(Step)
_IMPORTANCES = TypeAdapter(tuple[FieldImportance, ...])

log = logging.getLogger("shark")


@dataclass(frozen=True)
class StepRecords:
    """`inputs`: fingerprints of all that a trial reads, its settings included.

    The whole config's hash is recorded, not compared: most of the config changes no trial.
    """

    lake: Lake
    day: date
    run: RunStamp
    inputs: dict[str, str]

    def find(self, number: int, fields: Sequence[str]) -> Trial | None:
        """None where there is none with the same inputs; a damaged one is measured again."""
        try:
            marker = self.lake.find_marker(self._partition(number))
            if marker is None or not self._is_of_this_run(marker, number):
                return None
            trial = self._read(number)
        except DataError as error:
            log.warning("step %02d is measured again, its record being unusable: %s", number, error)
            return None
        return trial if trial.step.fields == tuple(fields) else None

    def add(self, trial: Trial) -> None:
        """Replaces what an earlier run stored under this number."""
        target = self._partition(trial.step.number)
        with PartitionWriter(self.lake, target, self.run) as writer:
            writer.write_bytes(STEP_FILE, _STEP.dump_json(trial.step, indent=1))
            if trial.predictions is not None:
                content = {"labels": trial.predictions.labels, "logits": trial.predictions.logits}
                writer.write_bytes(PREDICTIONS_FILE, save(content))
                importances = _IMPORTANCES.dump_json(trial.importances, indent=1)
                writer.write_bytes(IMPORTANCES_FILE, importances)
            writer.commit(self._inputs(trial.step.number))

    def fingerprints(self, steps: Sequence[Step]) -> dict[str, str]:
        """Of these steps and their reference, by partition; without steps there is none."""
        numbers = [0, *(step.number for step in steps)] if steps else []
        targets = [self._partition(number) for number in numbers]
        return {target.path: self.lake.marker(target).fingerprint for target in targets}

    def _read(self, number: int) -> Trial:
        source = self._partition(number)
        try:
            step = _STEP.validate_json(self.lake.read_file(source, STEP_FILE))
            if not step.accepted:
                return Trial(step)
            tensors = load(self.lake.read_file(source, PREDICTIONS_FILE))
            predictions = Predictions(tensors["labels"], tensors["logits"])
            importances = self.lake.read_file(source, IMPORTANCES_FILE)
            return Trial(step, predictions, _IMPORTANCES.validate_json(importances))
        except (ValidationError, SafetensorError, KeyError) as error:
            raise DataError(
                "a recorded step of pruning is damaged",
                expected=f"{STEP_FILE}, {PREDICTIONS_FILE}, {IMPORTANCES_FILE} as written",
                found=error,
                where=self.lake.location(source.path),
                remedy="nothing: the step is measured again, and its record replaced",
            ) from error

    def _is_of_this_run(self, marker: Marker, number: int) -> bool:
        same_code = marker.code_version == self.run.code_version
        return same_code and marker.inputs == self._inputs(number)

    def _inputs(self, number: int) -> dict[str, str]:
        """With the step before: what follows from other steps is none of this run's."""
        if number == 0:
            return self.inputs
        before = self._partition(number - 1)
        return {**self.inputs, before.path: self.lake.marker(before).fingerprint}

    def _partition(self, number: int) -> Partition:
        return partition(PRUNING_STEP, self.day, step=f"{number:02}")
