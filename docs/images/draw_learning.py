"""Draw the pictures of docs/learn from learning.json, which holds real values from the project's own functions.

`python docs/images/draw_learning.py` draws with matplotlib; `--measure` computes the numbers anew, and
`--train` runs the trainings too, which takes some minutes. Each picture carries the digest of what it shows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DATA = HERE / "learning.json"
COLOURS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f", "#1f2937")
LOSSES = (0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1, 1.5, 2)
SHOWN = {  # each picture, and the parts of the data that it shows
    "numerics": ("numerics",),
    "initialisation": ("initialisation",),
    "optimizers": ("optimizers",),
    "batches": ("batches", "noise"),
    "gradient-checking": ("gradient-checking",),
}


def digest(data: dict[str, Any], name: str) -> str:
    """Return a fingerprint of what one picture shows."""
    return hashlib.sha256(json.dumps([data[part] for part in SHOWN[name]]).encode()).hexdigest()[:16]


def numerics(axes: Any, data: dict[str, Any]) -> None:
    """Draw the ends of the sigmoid, the loss of a wrong answer, and the two slopes."""
    said = data["numerics"]
    axes[0].semilogy(said["low"], said["sigmoid"], label="clipped at ±87", color=COLOURS[0])
    plain = [value or None for value in said["plain sigmoid"]]  # a logarithm has no place for 0
    axes[0].semilogy(said["low"], floats(plain), "--", label="1 / (1 + exp(-z)), 0 below -88.7", color=COLOURS[1])
    axes[0].set(title="sigmoid in float32", xlabel="z", ylabel="a")
    axes[1].plot(said["high"], said["loss"], label="softplus(z) - y z", color=COLOURS[0])
    axes[1].plot(
        said["high"], floats(said["plain loss"]), "--", label="-log(1 - a), infinite from 17", color=COLOURS[1]
    )
    axes[1].set(title="loss of a wrong answer (y = 0)", xlabel="z", ylabel="L")
    axes[2].plot(said["middle"], said["slope"], label="sigmoid: a (1 - a)", color=COLOURS[0])
    axes[2].plot(said["middle"], said["hybrid slope"], "--", label="sigmoid-hybrid", color=COLOURS[1])
    axes[2].set(title="what goes back: d_z / d_a", xlabel="z")
    for axis in axes:
        axis.legend()


def initialisation(axes: Any, data: dict[str, Any]) -> None:
    """Draw the size of activations and gradients by layer."""
    panels = (("relu", "forward", "size of a, relu"), ("tanh", "forward", "size of a, tanh"))
    for axis, (activation, way, title) in zip(axes, (*panels, ("relu", "backward", "size of d_z, relu")), strict=True):
        chosen = {name: said for name, said in data["initialisation"].items() if name.startswith(activation)}
        for colour, (name, said) in zip(COLOURS, chosen.items(), strict=False):
            name = name.removeprefix(activation + " ")
            layers = range(len(said[way])) if way == "forward" else range(1, len(said[way]) + 1)
            line = "--" if "uniform" in name else ":" if "sd" in name else "-"
            axis.semilogy(layers, said[way], line, label=name, color=colour)
        axis.set(title=title, xlabel="layer (0 is x)" if way == "forward" else "layer", ylim=(1e-4, 5))
    axes[0].legend()


def optimizers(axes: Any, data: dict[str, Any]) -> None:
    """Draw the held-out loss by epoch: the mean of the seeds, and between the lowest and the highest a shade."""
    for at, (colour, (name, runs)) in enumerate(zip(COLOURS, data["optimizers"].items(), strict=True)):
        means, low, high = spread([run["loss"] for run in runs])
        epochs = range(1, len(means) + 1)
        axes[0].semilogy(epochs, means, label=name, color=colour, linestyle="--" if name == "lbfgs" else "-")
        axes[0].fill_between(epochs, low, high, color=colour, alpha=0.12, linewidth=0)
        axes[1].semilogy([at] * len(runs), [run["loss"][-1] for run in runs], "o", color=colour, markersize=3)
        axes[1].semilogy([at - 0.3, at + 0.3], [means[-1]] * 2, color=colour)
    axes[0].set(title="held-out loss, 784-128-10 on the shipped digits", xlabel="epoch")
    axes[1].set(title="after the last epoch: every seed, and their mean")
    axes[1].set_xticks(range(len(data["optimizers"])), list(data["optimizers"]), rotation=30)
    axes[0].legend(ncols=2)
    for axis in axes:
        axis.set_yticks(LOSSES, [f"{loss:g}" for loss in LOSSES])
    axes[1].set_ylim(0.18, 0.45)


def batches(axes: Any, data: dict[str, Any]) -> None:
    """Draw the best training of each batch size by epoch and by step, and the noise of the gradient by size."""
    for colour, (size, rates) in zip(COLOURS, data["batches"].items(), strict=False):
        rate, runs = best(rates)
        means, *_ = spread([run["loss"] for run in runs])
        rows = round(data["noise"]["rows"] * 0.9)  # a tenth is held out
        steps = -(-rows // (rows if size == "full" else int(size)))
        axes[0].semilogy(range(1, len(means) + 1), means, label=f"{size}, lr {rate}", color=colour)
        axes[1].loglog([steps * epoch for epoch in range(1, len(means) + 1)], means, color=colour)
    axes[0].set(title="held-out loss by epoch", xlabel="epoch")
    axes[0].legend(title="batch")
    axes[1].set(title="the same by step", xlabel="steps")
    for axis in axes[:2]:
        axis.set_yticks(LOSSES, [f"{loss:g}" for loss in LOSSES])
    away = data["noise"]["away"]
    numbers = [int(size) for size in away]
    axes[2].loglog(numbers, list(away.values()), "o-", color=COLOURS[0], label="measured")
    ideal = [away["1"] / size**0.5 for size in numbers]
    axes[2].loglog(numbers, ideal, "--", color=COLOURS[1], label="1 / root of the batch")
    axes[2].set(title="|g of a batch - g of all| / |g of all|", xlabel="rows in the batch")
    axes[2].set_xticks(numbers, list(away))
    axes[2].set_yticks([0.25, 0.5, 1, 2, 4, 8], ["0.25", "0.5", "1", "2", "4", "8"])
    axes[2].legend()


def gradient_checking(axes: Any, data: dict[str, Any]) -> None:
    """Draw the error of finite differences by their step."""
    said = data["gradient-checking"]
    for colour, name in zip(COLOURS, [name for name in said if name != "step"], strict=False):
        axes[0].loglog(said["step"], said[name], label=name, color=colour)
    axes[0].axvline(1e-3, color="#6b7280", linestyle=":", label="gradcheck's step")
    axes[0].axhline(1e-6, color="#6b7280", linestyle="--", label="what it allows")
    axes[0].set(title="worst relative error of finite differences", xlabel="step h", ylim=(1e-13, 10))
    axes[0].legend(ncols=2)


def best(rates: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Return the learning rate with the lowest mean of last losses, and its runs."""
    return min(rates.items(), key=lambda item: sum(run["loss"][-1] for run in item[1]))


def spread(rows: list[list[float]]) -> tuple[list[float], list[float], list[float]]:
    """Return mean, lowest and highest of each column, as far as all rows go."""
    columns = list(zip(*rows, strict=False))
    return [sum(column) / len(column) for column in columns], [*map(min, columns)], [*map(max, columns)]


def floats(values: list[float | None]) -> list[float]:
    """Return what is not there as NaN, which is a gap in a line."""
    return [float("nan") if value is None else value for value in values]


PICTURES: dict[str, tuple[Callable[[Any, dict[str, Any]], None], int]] = {  # and how many panels it has
    "numerics": (numerics, 3),
    "initialisation": (initialisation, 3),
    "optimizers": (optimizers, 2),
    "batches": (batches, 3),
    "gradient-checking": (gradient_checking, 1),
}


def draw(data: dict[str, Any], folder: Path) -> list[Path]:
    """Draw every picture into a folder."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "learning", "font.size": 8, "legend.fontsize": 7}
    from matplotlib import pyplot

    made = []
    for name, (draw_panels, count) in PICTURES.items():
        size = {1: (6.4, 3.8), 2: (9.6, 3.8), 3: (10.8, 2.9)}[count]
        figure, axes = pyplot.subplots(1, count, figsize=size, layout="constrained", squeeze=False)
        draw_panels(axes[0], data)
        for axis in axes[0]:
            axis.title.set_fontsize(9)
            axis.grid(alpha=0.25)
            axis.minorticks_off()
        path = folder / f"learning-{name}.svg"
        figure.savefig(path, metadata={"Date": None, "Description": f"data {digest(data, name)}"})
        pyplot.close(figure)
        tenths = re.sub(r"\d+\.\d{5,}", lambda number: f"{float(number[0]):.1f}", path.read_text(encoding="utf-8"))
        path.write_text(re.sub(r"\s*\n\s*", "\n", tenths), encoding="utf-8")
        made.append(path)
    return made


def main() -> None:
    """Read what was said, measure and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="compute the numbers anew, without the trainings")
    parser.add_argument("--train", action="store_true", help="run the trainings too")
    parser.add_argument("--out", type=Path, default=HERE, help="where the pictures go")
    said = parser.parse_args()
    data = json.loads(DATA.read_text(encoding="utf-8")) if DATA.exists() else {}
    if said.measure or said.train:
        from learning_data import QUICK, SLOW, short

        for name, compute in {**QUICK, **(SLOW if said.train else {})}.items():
            data[name] = short(compute())
        rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(part)}" for name, part in data.items())
        DATA.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")
    for path in draw(data, said.out):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
