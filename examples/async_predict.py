"""Answer many requests at once in asyncio: the model works in threads, so the event loop never waits for it.

python examples/async_predict.py runs/digits/model.mlp examples/seven.npy examples/seven.npy
"""

import asyncio
import sys

import numpy as np

import mlp_runtime


async def answer(model, path):
    """Answer one request. Reading and computing block, so both go to a thread; one model serves all threads."""
    frame = await asyncio.to_thread(np.load, path)
    return await asyncio.to_thread(model.top, frame, 1)


async def main(model_path, *paths):
    """Ask for all at once and print the answers in the order of the questions."""
    model = mlp_runtime.load(model_path)
    answers = await asyncio.gather(*(answer(model, path) for path in paths))
    for path, [(label, probability)] in zip(paths, answers, strict=True):
        print(f"{path}: {label}  {probability:.0%}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
