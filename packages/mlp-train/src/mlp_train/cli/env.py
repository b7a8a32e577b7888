"""`env` shows versions and hardware, which is what a bug report needs."""

from __future__ import annotations

import os

from mlp_train.cli.shared import Debug, Json, Quiet, Voice, answer, answer_json, command

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def env(as_json: Json = False, quiet: Quiet = False, debug: Debug = False) -> None:  # noqa: ARG001  # the frame looks for it
    """Show versions, BLAS, threads and CPU, and nothing that tells who or where."""
    import contextlib

    with contextlib.suppress(ImportError):  # its version is shown where it can be loaded
        import cv2  # noqa: F401
    from mlp_train.environment import environment

    report = {**environment(), "threads": {name: os.environ.get(name) for name in THREADS}}
    if as_json:
        answer_json(report)
    else:
        answer(f"Python    {report['python']}, {report['system']}, {report['machine']}, {report['cpu_count']} CPUs")
        answer(f"NumPy     {report['numpy']}")
        for blas in report["blas"]:
            kind = f"{blas['internal_api']} {blas['version']} for {blas['architecture']}"
            answer(f"BLAS      {kind}, {blas['num_threads']} threads")
        answer(f"OpenCV    {report['opencv'] or 'cannot be loaded'}")
        for name, version in report["packages"].items():
            answer(f"{name:<9} {version}")
        for name, value in report["threads"].items():
            if value is not None:
                answer(f"{name}={value}")
    Voice(quiet).say(f"next: {command('fit', 'digits')}")
