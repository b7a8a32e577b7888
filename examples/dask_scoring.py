"""Answer for a table that is larger than memory: Dask reads a part of it at a time, and the model answers for it.

The model is loaded once in each process, from its path: that is what travels to the workers, on this machine or others.

python examples/dask_scoring.py runs/titanic/model.mlp 'passengers-*.csv' answers
"""

import sys
from functools import cache

import dask
import dask.dataframe as dd
import pandas as pd

import mlp_runtime


@cache
def load(path):
    """Return the model; a process reads the file once."""
    return mlp_runtime.load(path)


def answers(part, path):
    """Answer for some rows: a DataFrame in, a Series with the same index out."""
    model = load(path)
    wanted = dict.fromkeys(column["name"] for column in model.describe()["input"]["columns"])
    found = model.predict({name: part[name].to_numpy() for name in wanted})
    return pd.Series(found, index=part.index, name="answer", dtype="str" if found.dtype.kind == "U" else None)


def main(path, table, folder, block="16MB"):
    """Write the answers for the rows of `table` as CSV files into `folder`, one for each block of so many bytes."""
    rows = dd.read_csv(table, blocksize=block)
    kind = answers(rows.head(1), path)  # Dask asks for the type before there is an answer
    # Each thread holds one part, so their number bounds the memory. NumPy and pandas let go of Python's lock.
    with dask.config.set(scheduler="threads", num_workers=2):
        written = rows.map_partitions(answers, path, meta=kind.iloc[:0]).to_csv(f"{folder}/*.csv", index=False)
    print(f"{len(written)} files in {folder}")


if __name__ == "__main__":
    main(*sys.argv[1:])
