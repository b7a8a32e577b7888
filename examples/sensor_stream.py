"""Say, reading by reading, what a sensor's last readings mean: a window slides over the stream, and each is an input.

The model takes vectors: as many numbers as there are in a window, the oldest reading first. Readings come as lines of
numbers with commas between, such as an accelerometer's `0.01,-0.02,9.81`:

read_my_sensor | python examples/sensor_stream.py model.mlp
"""

import sys
from collections import deque

import numpy as np

import mlp_runtime


def windows(readings, size):
    """Yield the last readings that together hold `size` numbers, after each reading that completes so many."""
    window = deque()
    for reading in readings:
        window.append(reading)
        if len(window) * len(reading) > size:
            window.popleft()
        if len(window) * len(reading) == size:
            yield np.concatenate(window)


def main(path):
    """Print the answer whenever it changes."""
    model = mlp_runtime.load(path)
    readings = (np.array(line.split(","), np.float32) for line in sys.stdin if line.strip())
    before = None
    # batch=1 answers each window at once; a larger one is faster where the readings come from a file.
    for at, answer in enumerate(model.predict_iter(windows(readings, model.input.size), batch=1)):
        if answer != before:
            print(f"window {at}: {answer}", flush=True)
        before = answer


if __name__ == "__main__":
    main(sys.argv[1])
