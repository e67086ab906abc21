"""Read Parquet files in Hugging Face's layout: a column of encoded images or columns of numbers, and labels."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from antivenom.data.numeric import label_hint
from antivenom.errors import DataError
from antivenom.files.opening import require_file

MAX_RATIO = 200
"""The largest ratio of unpacked size to file size."""


ROWS = 64
"""Rows per batch when a file is unpacked."""


@dataclass(frozen=True)
class Table:
    """Encoded images, or columns of numbers (n) by name; the labels, and class names if the file has them."""

    images: list[bytes] | None
    columns: dict[str, NDArray[Any]]
    labels: list[Any]
    classes: tuple[str, ...] | None


def read(file: Path, image: str | None, label: str, ignore: Sequence[str] = ()) -> Table:
    """Return the columns of a file.

    Args:
        file: a Parquet file.
        image: the column of encoded images: bytes, or a structure with a field `bytes`. None to read all columns except
            the label as numbers.
        label: the column of labels, whole numbers or names.
        ignore: the columns that are not read, if `image` is None.

    Raises:
        MissingDataError: the file does not exist.
        DataError: it is not a Parquet file, is damaged, unpacks to far more than its size, or lacks a column.
    """
    try:
        with pq.ParquetFile(require_file(file)) as opened:
            size = file.stat().st_size
            groups = [opened.metadata.row_group(index) for index in range(opened.num_row_groups)]
            declared = sum(max(group.total_byte_size, group.num_rows) for group in groups)
            if declared > MAX_RATIO * size:
                raise DataError(f"{file} declares {declared} bytes, unpacked from only {size}.")
            names = opened.schema_arrow.names
            absent = [name for name in (image, label, *ignore) if name is not None and name not in names]
            if absent:
                hint = " Set image to null if all columns are numbers." if absent[0] == image else label_hint(names)
                raise DataError(f"{file} has no column {absent[0]!r}. Its columns are: {', '.join(names)}.{hint}")
            chosen = (
                [name for name in names if name not in ignore or name == label] if image is None else [image, label]
            )
            return _table(_read(opened, chosen, file), image, label, file)
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        first = str(error).partition("\n")[0]
        raise DataError(f"{file} is not a Parquet file, or is damaged: {first}") from error


def _read(opened: pq.ParquetFile, columns: list[str], file: Path) -> pa.Table:
    """Read the columns in small batches: in a small file, every row may refer to the same very large value."""
    batches, total, most = [], 0, MAX_RATIO * file.stat().st_size
    for batch in opened.iter_batches(batch_size=ROWS, columns=columns):
        batches.append(batch)
        total += batch.nbytes
        if total > most:
            raise DataError(f"{file} has {file.stat().st_size} bytes, and unpacks to more than {most}.")
    return pa.Table.from_batches(batches, opened.schema_arrow.empty_table().select(columns).schema)


def _table(table: pa.Table, image: str | None, label: str, file: Path) -> Table:
    labels = table.column(label).to_pylist()
    classes = _class_names(table.schema, label)
    if image is None:
        others = table.drop_columns([label])
        columns = {name: _numbers(others.column(name), name, file) for name in others.column_names}
        return Table(None, columns, labels, classes)
    column = table.column(image)
    if pa.types.is_struct(column.type):
        if column.type.get_field_index("bytes") < 0:
            raise DataError(f"{file}: column {image!r} must have a field 'bytes'; got {column.type}.")
        column = pa.compute.struct_field(column, "bytes")
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        raise DataError(f"{file}: column {image!r} must contain encoded images; got {column.type}.")
    if column.null_count:
        raise DataError(f"{file}: column {image!r} must have an image in every row; {column.null_count} are null.")
    return Table(column.to_pylist(), {}, labels, classes)


def _numbers(column: pa.ChunkedArray, name: str, file: Path) -> NDArray[Any]:
    """Return a column of numbers."""
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise DataError(
            f"{file}: column {name!r} must contain one number in each row; got {kind}. For a column of images, set "
            f"image; to leave a column out, set ignore."
        )
    if column.null_count:
        raise DataError(f"{file}: column {name!r} must have a number in every row; {column.null_count} are null.")
    values: NDArray[Any] = column.to_numpy()
    return values


def _class_names(schema: pa.Schema, label: str) -> tuple[str, ...] | None:
    """Return the class names in Hugging Face's metadata of the file, or None if there are none."""
    try:
        about = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        names = about["info"]["features"][label]["names"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return tuple(map(str, names)) if isinstance(names, list) and len(set(map(str, names))) == len(names) else None
