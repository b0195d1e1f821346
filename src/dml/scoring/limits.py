"""Limits for strangers' files. Each is checked before memory is used."""

from typing import Final

FILE_BYTES_MAX: Final = 256 << 20  # of predictions
TEST_SET_BYTES_MAX: Final = 500 << 20  # what fits into one frame
ROWS_MAX: Final = 5_000_000
COLUMNS_MAX: Final = 10_000
CELLS_MAX: Final = 100_000_000  # of features: 400 MB of float32
PROBABILITIES_MAX: Final = 30_000_000  # of a submission: 240 MB of float64
HEADER_BYTES_MAX: Final = 1 << 20  # of all column names
LINE_BYTES_MAX: Final = 4 << 20
UNFOLDED_BYTES_MAX: Final = 2 << 30  # by a Parquet file's own metadata
ROW_GROUPS_MAX: Final = 10_000
ROWS_LEAST: Final = 50
PART_ROWS_LEAST: Final = 10
CLASSES_MAX: Final = 1000
CLASS_BYTES_MAX: Final = 200
NUMBER_MOST: Final = 1e70  # of targets and predictions: sums of fourth powers must not overflow
