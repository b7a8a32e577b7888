"""Answer for a folder of images with a pool of threads, which share one model: it never changes, so none waits.

Reading files profits most: while one thread waits for the disk, another computes. For a single large array a pool is of
no use, because `model.predict(frames)` takes it as one batch, which is faster still.

python examples/thread_pool.py runs/digits/model.mlp FOLDER
"""

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import mlp_runtime


def main(model_path, folder, threads=4):
    """Count what the images in a folder show."""
    model = mlp_runtime.load(model_path)
    with ThreadPoolExecutor(threads) as pool:
        labels = pool.map(lambda path: model.predict(np.load(path)), sorted(Path(folder).glob("*.npy")))
        for label, count in sorted(Counter(labels).items()):
            print(f"{label}: {count}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
