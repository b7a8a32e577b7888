"""The built-in loaders, in the order in which they are asked; each looks at the content and may decline."""

from __future__ import annotations

from mlp_data.loaders.csv_digits import load_csv_digits
from mlp_data.loaders.csv_table import load_csv_table
from mlp_data.loaders.idx import load_idx
from mlp_data.loaders.image_folder import load_image_folder
from mlp_data.loaders.image_list import load_image_list
from mlp_data.loaders.npz import load_npz
from mlp_data.loaders.parquet_images import load_parquet_images
from mlp_data.sources import Loader

BUILT_IN: dict[str, Loader] = {
    "idx": load_idx,
    "npz": load_npz,
    "csv-digits": load_csv_digits,
    "parquet-images": load_parquet_images,
    "image-list": load_image_list,
    "image-folder": load_image_folder,
    "csv-table": load_csv_table,  # last, because it takes any text with columns
}
