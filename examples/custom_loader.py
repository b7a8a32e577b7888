"""Your own loader: look at the files, take what is yours, return a dataset; everything else stays as it is.

This one reads the Semeion handwritten digits (https://archive.ics.uci.edu/dataset/178), a text file in which every line
holds the 256 pixels of one digit, 0 or 1, and then ten numbers of which the one at the digit is 1.

    mlp-train fit semeion.data --plugin examples/custom_loader.py
"""

import numpy as np

import mlp_data

PIXELS, CLASSES = 16 * 16, 10


@mlp_data.loader("semeion")
def load_semeion(source, options):  # noqa: ARG001  # this format leaves nothing to choose
    """Return the dataset, or None where the source is something else: then the next loader is asked."""
    if len(source.members) != 1:
        return None
    member = source.members[0]
    first_line = member.head(4096).split(b"\n")[0].split()
    if len(first_line) != PIXELS + CLASSES or not set(first_line) <= {b"0.0000", b"1.0000", b"0", b"1"}:
        return None

    try:
        table = np.array([line.split() for line in member.read().splitlines()], dtype=np.float32)
    except ValueError as error:
        raise mlp_data.DataError(f"{member.where}: a line is not {PIXELS + CLASSES} numbers: {error}") from None
    images = (table[:, :PIXELS] * 255).astype(np.uint8).reshape(-1, 16, 16)
    return mlp_data.from_arrays(images, table[:, PIXELS:].argmax(axis=1), name=source.name)
