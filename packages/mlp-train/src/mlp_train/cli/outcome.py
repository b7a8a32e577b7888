"""The outcome of a training run is where its model is and how good it turned out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlp_train.cli.evaluate import check_goal
from mlp_train.cli.shared import Voice, answer, answer_json, command
from mlp_train.provenance import provenance
from mlp_train.reporters.words import calibrated
from mlp_train.runs import RunContents
from mlp_train.settings import Settings

MEASURED_ON = {"test": "the test split", "valid": "the held-out rows"}  # what counts first


@dataclass(frozen=True)
class Outcome:
    """The answer of `fit`.

    metrics: split -> figures. samples: split -> how many. seconds: of the whole command. calibration: what a fitted
    temperature has changed, as `Calibration.to_dict` says it, or None where none was fitted.
    """

    model: Path
    metrics: Mapping[str, Mapping[str, float]]
    samples: Mapping[str, int]
    epochs: int
    seconds: float
    calibration: Mapping[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "model": str(self.model),
            "metrics": self.metrics,
            "epochs": self.epochs,
            "seconds": round(self.seconds, 3),
            "samples": self.samples,
            "calibration": self.calibration,
        }


def earlier_outcome(contents: RunContents) -> Outcome | None:
    """Return what a run came to that is finished already, None if it is not."""
    if not (contents.finished and contents.run.model.exists()):
        return None
    last = [event for event in contents.events if event.get("event") == "Finished"][-1]
    values = {key: last.get(key, {}) for key in ("metrics", "samples")}
    told = {"epochs": last.get("epochs", 0), "seconds": last.get("seconds", 0.0)}
    return Outcome(contents.run.model, **values, **told, calibration=provenance(last).get("calibration"))


def deliver(outcome: Outcome, voice: Voice, settings: Settings, *, as_json: bool) -> None:
    """Print the answer; GoalMissed where the accuracy that counts is below the goal."""
    if as_json:
        answer_json(outcome.to_dict())
    else:
        answer(str(outcome.model))
    if outcome.calibration is not None:
        voice.say(calibrated(outcome.calibration))
    goal = settings["min_accuracy"]
    split = next((split for split in MEASURED_ON if split in outcome.metrics), None)
    if goal is not None and split is not None:
        check_goal(goal, outcome.metrics[split], MEASURED_ON[split])
    voice.say(f"next: {command('predict', outcome.model, 'INPUT...', plugins=settings['plugin'])}")
