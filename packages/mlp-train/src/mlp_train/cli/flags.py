"""The options of `fit`, in the order and the groups in which its help shows them.

Every field of `FitConfig` has one. They all take text, as the environment does, so that `settings` reads both alike.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer
from typer.models import OptionInfo


def _option(heading: str, names: str, metavar: str, text: str, default: str | None = None) -> OptionInfo:
    text = text if default is None else f"{text} [{default}]"
    option: OptionInfo = typer.Option(
        *names.split(), metavar=metavar, help=text, rich_help_panel=heading, show_default=False
    )
    return option


data = partial(_option, "Data")
network = partial(_option, "Network")
training = partial(_option, "Training")
run = partial(_option, "Run")
Text = str | None
Texts = list[str] | None

Source = Annotated[
    Text,
    typer.Argument(
        metavar="SOURCE",
        help="A zip, a folder, a file, or a sample: digits, titanic, xor. [digits]",
        show_default=False,
    ),
]

Target = Annotated[
    Text, data("--target", "COLUMN", "The column to predict, or several that say yes or no, with commas between.")
]
Task = Annotated[Text, data("--task", "NAME", "classification or regression, where the target leaves it open.")]
WeightColumn = Annotated[Text, data("--weight-column", "NAME", "The column that says how much a row counts.")]
Drop = Annotated[Texts, data("--drop", "COLUMNS", "Columns to leave out, with commas between; repeatable.")]
Columns = Annotated[Texts, data("--columns", "NAME=TYPE", "Types of columns, such as Pclass=category; repeatable.")]
Numbers = Annotated[
    Text, data("--numbers", "HOW", "Numbers in tables: scaled, or piecewise: how far through each of 8 bins.", "scaled")
]
Fit = Annotated[Text, data("--fit", "HOW", "How images come to size: none, stretch or ink.")]
Ink = Annotated[Text, data("--ink", "SHADE", "What is drawn on the images: auto, light or dark.")]
Transpose = Annotated[
    bool | None,
    typer.Option(
        "--transpose/--no-transpose",
        help="Swap rows and columns of images in IDX and CSV files, as EMNIST needs.",
        rich_help_panel="Data",
        show_default=False,
    ),
]
MaxMemory = Annotated[Text, data("--max-memory", "SIZE", "Memory that all may take, such as 1G.", "half")]
Cache = Annotated[Text, data("--cache", "DIR", "Where samples lie that do not fit in memory.")]
ValidFraction = Annotated[
    Text, data("--valid-fraction", "0..1", "Share of the rows to watch and never train on.", "0.1")
]

Preset = Annotated[
    Text, network("--preset", "NAME", "quick for a first look, good, or best, which takes its time.", "good")
]
Hidden = Annotated[Text, network("--hidden", "128,64", "Units of each hidden layer; none for no such layer.", "auto")]
Activation = Annotated[
    Text,
    network("--activation", "NAMES", "What the hidden layers apply, such as tanh, or relu,leaky-relu:0.2.", "relu"),
]
OutputActivation = Annotated[Text, network("--output-activation", "NAME", "What the last layer applies.", "auto")]
Initializer = Annotated[Text, network("--initializer", "NAME", "How the weights begin.", "auto")]
Dtype = Annotated[Text, network("--dtype", "NAME", "Train in float32 or float64.", "float32")]
Weights = Annotated[Text, network("--weights", "NAME", "Store float32, float16 or int8 in the model file.", "float32")]

Epochs = Annotated[Text, training("--epochs", "N", "How often every row is seen.", "auto")]
BatchSize = Annotated[
    Text,
    training("--batch-size", "N", "Rows in one step: auto (all up to 32, else 32), full, or a number.", "auto"),
]
Lr = Annotated[Text, training("--lr", "X", "Learning rate: how far one step goes; auto tries many and takes one.")]
Optimizer = Annotated[
    Text,
    training(
        "--optimizer",
        "NAME",
        "adamw, adam, nadam, rmsprop, lion, sgd, momentum or nesterov; lbfgs for small data.",
        "adamw",
    ),
]
Momentum = Annotated[Text, training("--momentum", "X", "How much of the last step stays in the next.", "0.9")]
Beta1 = Annotated[
    Text, training("--beta1", "0..1", "How much of the mean gradient one step keeps: adam's kind and lion.")
]
Beta2 = Annotated[Text, training("--beta2", "0..1", "The same for its square: adam's kind and rmsprop; or for lion.")]
Schedule = Annotated[
    Text,
    training(
        "--schedule",
        "NAME",
        "The learning rate over time: cosine, constant, step, exponential, one-cycle, coslog4 or plateau.",
        "cosine",
    ),
]
Warmup = Annotated[Text, training("--warmup", "0..1", "Share of the steps with a rising learning rate.", "0.05")]
Loss = Annotated[
    Text, training("--loss", "NAME", "What training makes small, such as huber:1.5 or quantile:0.9.", "auto")
]
LabelSmoothing = Annotated[
    Text, training("--label-smoothing", "X", "How sure the network may not become of a class.", "0.05")
]
L1 = Annotated[Text, training("--l1", "X", "Penalty that draws weights to 0, as part of the loss.", "0.0")]
ClassWeight = Annotated[
    Text, training("--class-weight", "HOW", "none, balanced, or weights such as rare=5,common=1.", "none")
]
L2 = Annotated[Text, training("--l2", "X", "Penalty on large weights, as part of the loss.", "0.0")]
WeightDecay = Annotated[Text, training("--weight-decay", "X", "How fast adamw and lion let weights shrink.", "0.2")]
ClipNorm = Annotated[Text, training("--clip-norm", "X", "Shorten gradients that are longer than this.")]
ClipValue = Annotated[Text, training("--clip-value", "X", "Cut every number of the gradient to -X ... X.")]
Augment = Annotated[Text, training("--augment", "HOW", "Distort images anew each time: none, light or strong.", "none")]
Dropout = Annotated[Text, training("--dropout", "0..1", "Share of the hidden units that each step leaves out.", "0.0")]
InputNoise = Annotated[Text, training("--input-noise", "X", "Add noise of this deviation to the inputs.", "0.0")]
Mixup = Annotated[Text, training("--mixup", "X", "Mix pairs of rows, with shares from Beta(X, X).", "0.0")]
MaxNorm = Annotated[Text, training("--max-norm", "X", "Limit the length of every unit's incoming weights.")]
Average = Annotated[Text, training("--average", "NAME", "Keep the mean of the weights: none, ema or swa.", "none")]
Patience = Annotated[Text, training("--patience", "N", "Stop after so many epochs that bring nothing.")]
Calibrate = Annotated[
    bool | None,
    typer.Option(
        "--calibrate/--no-calibrate",
        help="Fit on the held-out rows how sure the answers may be. [True]",
        rich_help_panel="Training",
        show_default=False,
    ),
]
Seed = Annotated[Text, training("--seed", "N", "The same seed on the same machine gives the same model.", "0")]

TimeLimit = Annotated[Text, training("--time-limit", "SECONDS", "Do as many epochs as fit into this time.")]
Workers = Annotated[Text, run("--workers", "N", "Processes that share every layer; auto: what pays.", "auto")]
Engine = Annotated[Text, run("--engine", "NAME", "fast, or plain: the same, as a textbook writes it.", "fast")]
Out = Annotated[Text, run("--out -o", "DIR", "The run folder; the model is DIR/model.mlp.")]
Name = Annotated[Text, run("--name", "TEXT", "What the run and the model are called.")]
Config = Annotated[Text, run("--config", "FILE.toml", "Settings from a file; a run's config.toml repeats it.")]
Resume = Annotated[
    Text, run("--resume", "[RUN]", "Go on with an interrupted run; without RUN, the newest such in ./runs.")
]
Report = Annotated[
    bool | None,
    typer.Option(
        "--report/--no-report",
        help="Write report.html, a page that shows all of the run. [True]",
        rich_help_panel="Run",
        show_default=False,
    ),
]
Progress = Annotated[Text, run("--progress", "HOW", "auto, bar, lines, json or off.", "auto")]
Log = Annotated[
    Texts, run("--log", "NAME", "Tell the figures to tensorboard, trackio, wandb or your own module; repeatable.")
]
