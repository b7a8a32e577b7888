"""The requests of Step: a network and a sample are named, and every line of the way there and back is answered.

Nothing is kept between requests but what can be computed anew: the page says each time where it is, and which steps of
learning it has taken since the beginning. So two pages never disturb each other.
"""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from dataclasses import asdict
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mlp_runtime import InputError
from mlp_train.array import Array
from mlp_train.errors import UsageError
from mlp_train.losses import parse_loss
from mlp_train.network import Network
from mlp_train.ui.answers import Answer
from mlp_train.ui.broken import MISTAKES, unavailable
from mlp_train.ui.formulas import cell
from mlp_train.ui.places import Drawing, Place, Question, question_of
from mlp_train.ui.problems import ACTIVATIONS, DRAWN, SMALL, Problem, of_model, one_hot, small
from mlp_train.ui.quiz import question
from mlp_train.ui.stages import Stage, axes, operands, stages
from mlp_train.ui.state import Workbench
from mlp_train.ui.walk import Walk

LIMITS = dict.fromkeys((f"/api/step{end}" for end in ("", "/stage", "/cell", "/check", "/take")), 2**20)
BATCH = 4
_KEPT = 6  # walks that were computed last


class Steps:
    """Answers what Step asks, and keeps the walks that were computed last."""

    def __init__(self, workbench: Workbench) -> None:
        """Step through what is on this workbench, or through a small network."""
        self._workbench, self._lock = workbench, threading.Lock()
        self._walks: OrderedDict[tuple[int, str], tuple[Problem, Walk, list[str]]] = OrderedDict()
        self._of_model: tuple[int, Problem] | None = None

    def overview(self, asked: Question) -> dict[str, Any]:
        """Return the network, the sample, every stage without its numbers, and what can be broken."""
        problem, walk, truths = self._walk(asked.place)
        used, batch = asked.place, len(walk.x)
        return {
            "networks": self._networks(),
            "activations": ACTIVATIONS,
            "layers": [str(spec) for spec in walk.network.layers],
            "sizes": [walk.network.layers[0].n_in, *(spec.n_out for spec in walk.network.layers)],
            "loss_name": problem.loss,
            "loss": walk.mean_loss,
            "samples": problem.count,
            "note": problem.note,
            "batch": batch,
            "truths": truths,
            "said": [_said(problem, row) for row in walk.forward.a[-1]],
            "inputs": problem.inputs,
            "outputs": problem.outputs,
            "picture": problem.picture,
            "can_draw": problem.place is not None,
            "stages": [_stage(walk, stage) for stage in stages(walk)],
            "mistakes": [
                {"id": name, **asdict(one), "unavailable": unavailable(name, walk.network)}
                for name, one in MISTAKES.items()
            ],
            "question": asdict(question(used.mistake, walk.network, batch)) if used.mistake else None,
        }

    def stage(self, asked: Question) -> dict[str, Any]:
        """Return the numbers of one stage: its result and what it is computed of."""
        _, walk, _ = self._walk(asked.place)
        stage = _one(walk, asked.stage)
        rows, columns = axes(stage)
        given = [
            {"text": one.text, "before": one.before, **_numbers(one.values, one.rows, one.columns)}
            for one in operands(walk, stage)
        ]
        result = _numbers(walk.matrix(stage.name, stage.index), rows, columns)
        return {"result": result, "operands": given, "loss": walk.mean_loss}

    def cell(self, asked: Question) -> dict[str, Any]:
        """Return how one number came about."""
        _, walk, _ = self._walk(asked.place)
        stage = _one(walk, asked.stage)
        height, width = walk.matrix(stage.name, stage.index).shape
        if asked.row >= height or asked.column >= width:
            where = f"{asked.row}, {asked.column}"
            raise UsageError(f"{stage.key} has {height} rows and {width} columns, so there is no cell {where}")
        return cell(walk, stage, asked.row, asked.column)

    def check(self, asked: Question) -> dict[str, Any]:
        """Return the gradient check of every weight and bias."""
        _, walk, _ = self._walk(asked.place)
        return {"rows": walk.check()}

    def take(self, asked: Question) -> dict[str, Any]:
        """Return the loss of this batch before and after a step of learning."""
        _, walk, _ = self._walk(asked.place)
        after = walk.step(asked.lr).mean_loss
        if not np.isfinite(after):
            raise UsageError(
                f"with a learning rate of {asked.lr:g} the loss is no number any more: choose a smaller one"
            )
        return {"before": walk.mean_loss, "after": after}

    def _networks(self) -> list[dict[str, str]]:
        known = [{"id": name, "title": title} for name, (title, _) in SMALL.items()]
        opened = self._workbench.opened
        return [{"id": "open", "title": opened.name}, *known] if opened.model is not None else known

    def _walk(self, place: Place) -> tuple[Problem, Walk, list[str]]:
        generation = self._workbench.opened.generation
        key = generation, place.model_dump_json()
        with self._lock:
            if key in self._walks:
                self._walks.move_to_end(key)
                return self._walks[key]
            problem = self._problem(place, generation)
            network = Network(problem.network.layers, np.float64, problem.network.flat.copy())
            loss = parse_loss(problem.loss)
            for taken in place.taken:
                x, y, _ = self._rows(problem, place, taken.sample, taken.batch)
                network = Walk(network, loss, x, y, taken.mistake).step(taken.lr).network
            if place.mistake and (why := unavailable(place.mistake, network)):
                raise UsageError(why)
            batch = BATCH if place.mistake == "batch" else place.batch
            x, y, truths = self._rows(problem, place, place.sample, batch)
            found = problem, Walk(network, loss, x, y, place.mistake), truths
            self._walks[key] = found
            while len(self._walks) > _KEPT:
                self._walks.popitem(last=False)
            return found

    def _problem(self, place: Place, generation: int) -> Problem:
        if place.network != "open":
            return small(place.network, place.activation)
        if self._of_model is None or self._of_model[0] != generation:
            self._of_model = generation, of_model(self._workbench)
        return self._of_model[1]

    def _rows(self, problem: Problem, place: Place, sample: int, batch: int) -> tuple[Array, Array, list[str]]:
        if sample != DRAWN:
            if sample >= problem.count:
                raise UsageError(f"there are {problem.count} samples, from 0 to {problem.count - 1}, but no {sample}")
            return problem.rows([(sample + k) % problem.count for k in range(batch)])
        if place.drawn is None or problem.place is None:
            raise UsageError("nothing was drawn for this network: draw first, or choose a sample")
        x = problem.place(_frame(place.drawn))
        target = min(place.drawn.target, max(1, len(problem.outputs) - 1))  # one output stands for two classes
        y = one_hot(np.array([target]), len(problem.outputs))
        truth = problem.outputs[target] if len(problem.outputs) > 1 else str(target)
        return np.repeat(x, batch, axis=0), np.repeat(y, batch, axis=0), [truth] * batch


def routes(workbench: Workbench) -> list[BaseRoute]:
    """Return what Step asks for."""
    steps = Steps(workbench)

    def route(end: str, answer: Any) -> Route:
        async def asked(request: Request) -> Response:
            content = await request.body()
            return Answer(await run_in_threadpool(lambda: answer(question_of(content))))

        return Route(f"/api/step{end}", asked, methods=["POST"])

    return [
        route("", steps.overview),
        route("/stage", steps.stage),
        route("/cell", steps.cell),
        route("/check", steps.check),
        route("/take", steps.take),
    ]


def _one(walk: Walk, number: int) -> Stage:
    known = stages(walk)
    if number >= len(known):
        raise UsageError(f"there are {len(known)} stages, from 0 to {len(known) - 1}, but no {number}")
    return known[number]


def _stage(walk: Walk, stage: Stage) -> dict[str, Any]:
    return {**asdict(stage), "key": stage.key, "shape": walk.matrix(stage.name, stage.index).shape}


def _numbers(values: Array, rows: str | int, columns: str | int) -> dict[str, Any]:
    """Return a matrix for the page: float64 in base64, row by row, and what its axes count."""
    content = base64.b64encode(np.ascontiguousarray(values, "<f8").tobytes()).decode()
    return {"shape": values.shape, "rows": rows, "columns": columns, "values": content}


def _said(problem: Problem, row: Array) -> str:
    """Return an output in words: the likeliest of several, or the numbers."""
    if problem.loss.startswith("cross-entropy"):
        best = int(row.argmax())
        return f"{problem.outputs[best]} ({row[best]:.0%})"
    return ", ".join(f"{value:.3g}" for value in row[:4].tolist())


def _frame(drawn: Drawing) -> Array:
    try:
        content = base64.b64decode(drawn.pixels, validate=True)
    except ValueError:  # also what is no ASCII
        raise InputError("the drawing is no base64: draw anew") from None
    if len(content) != drawn.height * drawn.width * drawn.channels:
        raise InputError(f"the drawing has {len(content)} levels, not {drawn.height} x {drawn.width}: draw anew")
    shape = (drawn.height, drawn.width) + ((3,) if drawn.channels == 3 else ())
    return np.frombuffer(content, np.uint8).reshape(shape)
