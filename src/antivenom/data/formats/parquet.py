"""Parquet with images in it, as Hugging Face writes it: a column of encoded images and one of labels."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from antivenom.errors import DataError, MissingDataError

MAX_RATIO = 200
"""A file may unpack to so many times its own size."""


ROWS = 64
"""So many rows are unpacked at once."""


@dataclass(frozen=True)
class Table:
    """Encoded images or rows of numbers, and their labels; class names where the file has them."""

    images: list[bytes] | None
    rows: Any
    labels: list[Any]
    classes: tuple[str, ...] | None


def read(file: Path, image: str | None, label: str) -> Table:
    """The columns of a file.

    Args:
        file: a Parquet file.
        image: the column of encoded images: bytes, or a structure with a field `bytes`. None for a table of numbers:
            every other column.
        label: the column of labels, whole numbers or names.

    Raises:
        MissingDataError: it is not there.
        DataError: no Parquet file, a damaged one, one that would unpack to far more than its size, a missing column.
    """
    try:
        with pq.ParquetFile(file) as opened:
            size = file.stat().st_size
            groups = [opened.metadata.row_group(index) for index in range(opened.num_row_groups)]
            claimed = sum(max(group.total_byte_size, group.num_rows) for group in groups)
            if claimed > MAX_RATIO * size:
                raise DataError(f"{file} claims to unpack to {claimed} bytes from {size}.")
            names = opened.schema_arrow.names
            absent = [name for name in (image, label) if name is not None and name not in names]
            if absent:
                raise DataError(f"{file} has no column {absent[0]!r}. It has: {', '.join(names)}.")
            return _table(_read(opened, names if image is None else [image, label], file), image, label, file)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise MissingDataError(f"{file} is missing.") from error
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        first = str(error).partition("\n")[0]
        raise DataError(f"{file} is no Parquet file, or a damaged one: {first}") from error


def _read(opened: pq.ParquetFile, columns: list[str], file: Path) -> pa.Table:
    """The columns, a few rows at a time: a dictionary's one large value may stand in every row of a small file."""
    batches, total, most = [], 0, MAX_RATIO * file.stat().st_size
    for batch in opened.iter_batches(batch_size=ROWS, columns=columns):
        batches.append(batch)
        total += batch.nbytes
        if total > most:
            raise DataError(f"{file} unpacks to more than {most} bytes from {file.stat().st_size}.")
    return pa.Table.from_batches(batches, opened.schema_arrow.empty_table().select(columns).schema)


def _table(table: pa.Table, image: str | None, label: str, file: Path) -> Table:
    labels = table.column(label).to_pylist()
    classes = _class_names(table.schema, label)
    if image is None:
        others = table.drop_columns([label])
        for name in others.column_names:
            kind = others.column(name).type
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
                raise DataError(
                    f"{file}: column {name!r} holds {kind}, no numbers. Name the column of images, if it is."
                )
        if not others.num_columns:
            raise DataError(f"{file} has no column but {label!r}.")
        columns = [others.column(name).cast(pa.float32()).to_numpy() for name in others.column_names]
        return Table(None, columns, labels, classes)
    held = table.column(image)
    if pa.types.is_struct(held.type):
        if held.type.get_field_index("bytes") < 0:
            raise DataError(f"{file}: column {image!r} has no field 'bytes'; it holds {held.type}.")
        held = pa.compute.struct_field(held, "bytes")
    if not (pa.types.is_binary(held.type) or pa.types.is_large_binary(held.type)):
        raise DataError(f"{file}: column {image!r} holds {held.type}, no encoded images.")
    if held.null_count:
        raise DataError(f"{file}: column {image!r} has {held.null_count} rows without an image.")
    return Table(held.to_pylist(), None, labels, classes)


def _class_names(schema: pa.Schema, label: str) -> tuple[str, ...] | None:
    """The names that Hugging Face keeps in the file's own notes."""
    try:
        about = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        names = about["info"]["features"][label]["names"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return tuple(map(str, names)) if isinstance(names, list) and len(set(map(str, names))) == len(names) else None
