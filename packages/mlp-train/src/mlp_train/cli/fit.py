"""`fit` trains a network on a source of data and leaves a run folder with the model file in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlp_data.console import PlainCommand
from mlp_train.cli import flags as f
from mlp_train.cli.shared import Debug, Force, Json, MinAccuracy, Plugin, Quiet

NEWEST = "newest"


class FitCommand(PlainCommand):
    """`fit`, whose `--resume` may stand alone: it then means the newest run in ./runs that is not finished."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give a lone `--resume` its value, which Typer cannot leave out."""
        following = [*args[1:], "-"][: len(args)]
        alone = [arg == "--resume" and after.startswith("-") for arg, after in zip(args, following, strict=True)]
        filled = [f"{arg}={NEWEST}" if is_alone else arg for arg, is_alone in zip(args, alone, strict=True)]
        parsed: list[str] = super().parse_args(ctx, filled)
        return parsed


def fit(
    source: f.Source = None,
    *,
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
    weights: f.Weights = None,
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
    time_limit: f.TimeLimit = None,
    workers: f.Workers = None,
    engine: f.Engine = None,
    out: f.Out = None,
    name: f.Name = None,
    config: f.Config = None,
    resume: f.Resume = None,
    plugin: Plugin = None,
    min_accuracy: MinAccuracy = None,
    report: f.Report = None,
    progress: f.Progress = None,
    log: f.Log = None,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a network and write it to one file.

    Without SOURCE it trains on the digits sample. Settings also come from a TOML file and from environment variables
    such as MLP_TRAIN_EPOCHS; flags win. Figures on rows that training never saw come at the end.
    """
    given = dict(locals())
    apart = ("config", "resume", "log", "force", "as_json", "quiet", "debug")
    flags = {key: value for key, value in given.items() if key not in apart and value not in (None, [])}
    from mlp_train.parallel import join

    ranks = join()
    from mlp_train.cli.training import follow, new_run, resumed_run, work
    from mlp_train.cli.watching import chosen

    if ranks is not None and ranks.index:
        follow(ranks)
    trackers = chosen(log or ())
    if resume is None:
        job = new_run(flags, config=config, force=force, quiet=quiet)
    else:
        job = resumed_run(
            None if resume == NEWEST else resume, flags, quiet=quiet, refused={"--config": config, "--force": force}
        )
    work(replace(job, trackers=trackers), as_json=as_json, ranks=ranks)
