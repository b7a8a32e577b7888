"""A report is one page that tells all of a training run; it needs no network, no script and no other file.

What's where: `collect` (from a run and its data to values), `answers` (what the model says to rows it was not trained
on), `charts` (SVG), `png` (pictures), `pieces` (tables and figures as HTML), `page` (the report), `compare` (two runs).
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from mlp_data.atomic import write_text
from mlp_data.dataset import Dataset
from mlp_train.hints import Hint
from mlp_train.runs import REPORT, Run


def write(
    run: Run,
    dataset: Dataset | None,
    said: Sequence[str] = (),
    *,
    found: Sequence[Hint] | None = None,
    out: str | os.PathLike[str] | None = None,
) -> None:
    """Write the report of a run, whole or not at all: into its folder, or to `out`.

    dataset: that of the run, with its held-out rows apart; None where it is not there, then what needs it is left out.
    said: sentences about the data. found: the hints, where they are known already.
    """
    from mlp_train.report.collect import collect
    from mlp_train.report.page import page

    write_text(run.folder / REPORT if out is None else out, page(collect(run, dataset, said, found)))
