"""`explain` prints one sample's way through a network and back, number by number, in the lines of docs/backprop.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlp_train.cli.shared import Debug, Plugin, Quiet, Voice, answer, command, load_model, printable

if TYPE_CHECKING:
    from mlp_runtime import Model
    from mlp_train.array import Array

MOST_TOLD = 64  # numbers of a sample that are written out
TINY = 12  # numbers that a line of a terminal has room for; of wider layers the ends are shown
FORMS = "give a row as JSON, such as [0, 1] or {...}, or a .json or .npy file; a picture as the array of its pixels"
LOSSES_OF = {"softmax": "cross-entropy", "sigmoid": "binary-cross-entropy", "exp": "poisson"}


def explain(
    model_path: Annotated[str, typer.Argument(metavar="MODEL", help="A model file, or the folder of a run.")],
    sample: Annotated[
        str | None,
        typer.Argument(
            metavar="SAMPLE", help="A row as JSON, [0, 1] or {...}, or a .json or .npy file; made up if not set."
        ),
    ] = None,
    right: Annotated[
        str | None,
        typer.Option(
            "--answer", metavar="ANSWER", help="What would be right: a class or a number; the model's if not set."
        ),
    ] = None,
    plugin: Plugin = None,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  # the frame looks for it
) -> None:
    """Print the forward and the backward pass of one sample, number by number: best of a tiny network, as of xor."""
    from mlp_train.plugins import load_plugins
    from mlp_train.ui.stages import stages

    load_plugins(plugin or ())
    model = load_model(model_path)
    raw = _sample(model, sample)
    walk, loss, target = _walk(model, raw, right)
    answer(printable(f"sample{'' if sample else ', made up'}: {_told(raw)}"))
    answer(printable(f"right answer: {target}; loss: {loss}"))
    answer(f"\na[0] = x, what the network is given\n{_numbers(walk.matrix('a', 0))}")
    answer(f"y, the right answer\n{_numbers(walk.y)}")
    before = ""
    for stage in stages(walk):
        if stage.direction != before:
            answer(f"\n=== {stage.direction} ===")
            before = stage.direction
        if stage.name == "z":
            for name in ("weight", "bias"):
                answer(f"\n{name}[{stage.index}]\n{_numbers(walk.matrix(name, stage.index))}")
        answer(f"\n{stage.code}\n{_numbers(walk.matrix(stage.name, stage.index))}")
    voice = Voice(quiet)
    voice.say("docs/backprop.md derives each line; gradients that are checked by nudging: mlp-train gradcheck")
    voice.say(f"next: {command('ui', plugins=plugin)}, whose tab 'Step' shows the same with every product")


def _told(raw: Any) -> str:
    """Write a sample in one line; of one with more numbers than anyone reads, how many and from where to where."""
    if not hasattr(raw, "tolist") or raw.size <= MOST_TOLD:
        return str(raw.tolist() if hasattr(raw, "tolist") else raw)
    return f"{' x '.join(map(str, raw.shape))} numbers from {raw.min():g} to {raw.max():g}"


def _sample(model: Model, given: str | None) -> Any:
    """Return one raw input of the model: from a text or a file, or made from the spec alone."""
    import numpy as np

    from mlp_runtime import InputError

    if given is None:
        return model.input.synthesise(2)[1]  # of a table the first is all gaps
    try:
        if given.lstrip().startswith(("[", "{")):
            raw = json.loads(given)
        elif given.endswith(".npy"):
            raw = np.load(given, allow_pickle=False)
        else:
            raw = json.loads(Path(given).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{given}: the sample cannot be read: the system says '{error.strerror}'; {FORMS}") from error
    except (ValueError, RecursionError) as error:
        why = "it is no text" if isinstance(error, UnicodeDecodeError) else error
        raise InputError(f"{given[:80]}: the sample is neither JSON nor an array: {why}; {FORMS}") from error
    return np.asarray(raw) if isinstance(raw, list) else raw


def _walk(model: Model, raw: Any, right: str | None) -> tuple[Any, str, str]:
    """Return the sample's pass through the network, in float64, with the name of its loss and the right answer."""
    import numpy as np

    from mlp_runtime import InputError
    from mlp_train.losses import LOSSES
    from mlp_train.network import LayerSpec, Network
    from mlp_train.ui.walk import Walk

    if model.input.kind != "image" and model.input.is_batch(raw):
        raise InputError("the sample holds several rows, but one is explained at a time: give one")
    x = model.input.scale(model.input.prepare(raw, False)).astype(np.float64)
    specs = []
    for layer in model.layers:
        n_out, n_in = layer.weight.shape
        specs.append(LayerSpec(n_in, n_out, layer.activation.name, layer.parameters or layer.activation.parameters))
    network = Network(specs, np.float64)
    for index, layer in enumerate(model.layers):
        network.weights[index][:], network.biases[index][:] = layer.weight.T, layer.bias
    name = LOSSES_OF.get(specs[-1].activation, "squared-error")
    y, target = _target(model, raw, right)
    return Walk(network, LOSSES[name], x, y), name, target


def _target(model: Model, raw: Any, right: str | None) -> tuple[Array, str]:
    """Return the right answer as the output should be, (1, n_out), and in words."""
    import numpy as np

    from mlp_runtime.errors import nearest
    from mlp_train.errors import UsageError

    said = model.describe()["output"]
    if model.output_kind == "numbers":
        try:
            numbers = model.predict(raw) if right is None else [float(part) for part in right.split(",")]
        except ValueError as error:
            raise UsageError(f"--answer {right!r} is no number: give one, as in --answer 3.5") from error
        wanted = np.atleast_1d(np.asarray(numbers, np.float64))
        if len(wanted) != len(said["names"]):
            raise UsageError(
                f"--answer gives {len(wanted)} numbers, but the model {len(said['names'])}: commas between"
            )
        scaled = (wanted - (said.get("mean") or 0.0)) / (said.get("scale") or 1.0)
        return scaled[None], ", ".join(f"{number:g}" for number in wanted)
    chosen = model.predict(raw) if right is None else right
    several = model.output_kind == "labels"
    names = (tuple(filter(None, chosen.split(","))) if isinstance(chosen, str) else chosen) if several else (chosen,)
    for name in names:
        if name not in model.classes:
            known = ", ".join(model.classes[:12])
            raise UsageError(f"--answer {name!r} is no class of the model{nearest(name, model.classes)}: {known}")
    y = np.array([[float(name in names) for name in model.classes]])
    return (y[:, 1:] if len(model.layers[-1].bias) == 1 and not several else y), ", ".join(
        names
    ) or "none of the labels"


def _numbers(values: Array) -> str:
    """Write a matrix, a row a line; of a wide one its ends."""
    import numpy as np

    with np.printoptions(precision=4, suppress=True, threshold=0, edgeitems=TINY // 2, linewidth=160):
        return "\n".join(f"    {line}" for line in str(values + 0.0).splitlines())  # + 0.0 makes -0.0 plain
