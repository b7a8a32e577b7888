"""`tune` tries many settings, keeps the best by the held-out rows, and leaves a run folder as `fit` does."""

from __future__ import annotations

from typing import Annotated

import typer

from mlp_train.cli import flags as f
from mlp_train.cli.shared import Debug, Json, Plugin, Quiet

_search = "Search"
Trials = Annotated[
    int | None,
    typer.Option("--trials", metavar="N", min=1, help="How many settings to try. [30]", rich_help_panel=_search),
]
SearchTime = Annotated[
    float | None,
    typer.Option(
        "--time-limit",
        metavar="SECONDS",
        min=0.001,
        help="End the search after this time; the best is trained once more then.",
        rich_help_panel=_search,
    ),
]
MaxModelKb = Annotated[
    float | None,
    typer.Option(
        "--max-model-kb", metavar="K", min=0.001, help="Try no model whose file is larger.", rich_help_panel=_search
    ),
]
By = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="FIGURE",
        help="What to choose by, such as log_loss or macro_f1; accuracy, or rmse for numbers, if not set.",
        rich_help_panel=_search,
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(
        "--folds",
        metavar="K",
        min=1,
        max=100,
        help="Train each trial K times, with other rows held out each time; if not set, up to 5 where rows are few.",
        rich_help_panel=_search,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        max=256,
        help="Processes, each on one core; all cores if not set.",
        rich_help_panel=_search,
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="ADDRESS",
        help="postgresql://user@host/database, so that several machines join; a file in the run folder if not set.",
        rich_help_panel=_search,
    ),
]


def tune(
    source: f.Source = None,
    *,
    trials: Trials = None,
    time_limit: SearchTime = None,
    max_model_kb: MaxModelKb = None,
    by: By = None,
    folds: Folds = None,
    jobs: Jobs = None,
    storage: Storage = None,
    target: f.Target = None,
    task: f.Task = None,
    weight_column: f.WeightColumn = None,
    drop: f.Drop = None,
    columns: f.Columns = None,
    numbers: f.Numbers = None,
    fit: f.Fit = None,
    ink: f.Ink = None,
    transpose: f.Transpose = None,
    max_memory: f.MaxMemory = None,
    cache: f.Cache = None,
    valid_fraction: f.ValidFraction = None,
    preset: f.Preset = None,
    hidden: f.Hidden = None,
    activation: f.Activation = None,
    output_activation: f.OutputActivation = None,
    initializer: f.Initializer = None,
    dtype: f.Dtype = None,
    epochs: f.Epochs = None,
    batch_size: f.BatchSize = None,
    lr: f.Lr = None,
    optimizer: f.Optimizer = None,
    momentum: f.Momentum = None,
    beta1: f.Beta1 = None,
    beta2: f.Beta2 = None,
    schedule: f.Schedule = None,
    warmup: f.Warmup = None,
    loss: f.Loss = None,
    label_smoothing: f.LabelSmoothing = None,
    class_weight: f.ClassWeight = None,
    l1: f.L1 = None,
    l2: f.L2 = None,
    weight_decay: f.WeightDecay = None,
    clip_norm: f.ClipNorm = None,
    clip_value: f.ClipValue = None,
    augment: f.Augment = None,
    dropout: f.Dropout = None,
    input_noise: f.InputNoise = None,
    mixup: f.Mixup = None,
    max_norm: f.MaxNorm = None,
    average: f.Average = None,
    patience: f.Patience = None,
    calibrate: f.Calibrate = None,
    seed: f.Seed = None,
    out: f.Out = None,
    name: f.Name = None,
    config: f.Config = None,
    plugin: Plugin = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Try many settings and train with the best; what you set yourself stays, the rest is searched.

    It chooses by the held-out rows and never looks at the test rows. The first trial is what `fit` would do. The same
    command goes on where it was interrupted; with --storage, other machines that give it join. Needs mlp-train[tune].
    """
    given = dict(locals())
    own = (
        "trials",
        "time_limit",
        "max_model_kb",
        "by",
        "folds",
        "jobs",
        "storage",
        "config",
        "as_json",
        "quiet",
        "debug",
    )
    flags = {key: value for key, value in given.items() if key not in own and value not in (None, [])}
    from mlp_train.tuning import check_installed

    check_installed()
    from mlp_train.cli.tuning import Wanted, run

    wanted = Wanted(flags, config, trials, time_limit, max_model_kb, by, folds, jobs, storage)
    run(wanted, as_json=as_json, quiet=quiet)
