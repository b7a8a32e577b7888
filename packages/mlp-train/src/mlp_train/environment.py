"""What a run was made with: versions and hardware, but nothing that tells who or where."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import Any

import numpy as np
import threadpoolctl

PACKAGES = ("mlp-runtime", "mlp-data", "mlp-train", "msgpack", "pydantic", "threadpoolctl", "tomli-w", "typer")


def environment() -> dict[str, Any]:
    """Return versions and hardware as values that JSON knows: no host name, no user, no path.

    OpenCV is listed where it has been imported; it is never imported for this.

    >>> sorted(environment())
    ['blas', 'cpu_count', 'machine', 'numpy', 'opencv', 'packages', 'python', 'system']
    """
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        "numpy": np.__version__,
        "blas": [
            {key: pool.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
            for pool in threadpoolctl.threadpool_info()
            if pool.get("user_api") == "blas"
        ],
        "opencv": getattr(sys.modules.get("cv2"), "__version__", None),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:  # run from a source tree
        return None
