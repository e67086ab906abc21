"""Read Parquet files in Hugging Face's layout: a column of encoded images or columns of numbers, and labels."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from antivenom.data.identifiers import mostly_different
from antivenom.data.numeric import TableColumns, Unusable, column_problems, likely_labels
from antivenom.errors import DataError
from antivenom.files.opening import require_file

MAX_RATIO = 200
"""The largest ratio of unpacked size to file size."""


ROWS = 64
"""Rows per batch when a file is unpacked."""


@dataclass(frozen=True)
class Table:
    """The rows and labels of a file.

    Args:
        images: encoded images; None for columns of numbers.
        columns: all columns but the labels, by name.
        labels: the labels.
        classes: the names of the classes, if the file has them.
        categories: the categories of labels of pandas in their order, and whether they are ordered; None for others.
        index: the columns that are the index of a table of pandas.
        assumptions: what was assumed, one sentence each.
    """

    images: list[bytes] | None
    columns: TableColumns
    labels: list[Any]
    classes: tuple[str, ...] | None
    categories: tuple[tuple[str, ...], bool] | None = None
    index: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()

    def about_index(self, used: Sequence[str]) -> tuple[str, ...]:
        """Return a sentence about each used column that is a level of the index of a table of pandas."""
        return tuple(
            f"The column {name!r} is the index of the table in pandas, or a level of it, and is used. Add it to ignore "
            "to drop it."
            for name in used
            if name in self.index
        )


def read(file: Path, image: str | None, label: str, ignore: Sequence[str] | None = None) -> Table:
    """Return the columns of a file.

    Args:
        file: a Parquet file.
        image: the column of encoded images: bytes, or a structure with a field `bytes`. None to read all columns except
            the label as numbers.
        label: the column of labels, whole numbers or names.
        ignore: the columns that are left out, if `image` is None; None for those that only count the rows.

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
            if any(name is not None and name not in names for name in (image, label, *(ignore or ()))):
                raise DataError(_about_absent(opened, image, label, ignore, file))
            if image is None:
                columns = _columns(opened, [label], ignore, file)
                labels = _read(opened, [label], file).column(label)
                names = _class_names(opened.schema_arrow, label)
                return Table(None, columns, labels.to_pylist(), names, _categories(labels), _index(opened.schema_arrow))
            if ignore is not None:
                raise DataError(
                    f"{file}: ignore requires image: null; got the image {image!r}. Other columns are not used."
                )
            return _images(_read(opened, [image, label], file), image, label, file)
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


def _about_absent(
    opened: pq.ParquetFile, image: str | None, label: str, ignore: Sequence[str] | None, file: Path
) -> str:
    """Return the message about columns that do not exist, with all settings that the file requires."""
    schema = opened.schema_arrow
    names = schema.names
    absent = [name for name in (image, label, *(ignore or ())) if name is not None and name not in names]
    shown = ", ".join(f"{field.name} ({field.type})" for field in schema)
    message = f"{file} has no column {' and no column '.join(map(repr, absent))}. Its columns are: {shown}."
    if image in absent:
        message += " Set image to null if all columns are numbers, or to the column of images."
    likely = [label] if label in names else likely_labels(names) or _few_values(opened, file)
    if label in absent and likely:
        message += f" Set label to {' or '.join(map(repr, likely))} if it contains the labels."
    if image in names:
        return message
    known = None if ignore is None else [name for name in ignore if name in names]
    problems = column_problems(_columns(opened, likely, known, file), known)
    return f"{message} {problems}".rstrip()


def _few_values(opened: pq.ParquetFile, file: Path) -> list[str]:
    """Return the columns of text or whole numbers with few different values in the first rows."""
    plain = [
        field.name
        for field in opened.schema_arrow
        if _is_text(field.type) or pa.types.is_integer(field.type) or pa.types.is_boolean(field.type)
    ]
    first = next(opened.iter_batches(batch_size=ROWS, columns=plain), None) if plain else None
    if first is None or first.nbytes > MAX_RATIO * file.stat().st_size:
        return []
    columns = {name: first.column(name).to_pylist() for name in plain}
    return [name for name, cells in columns.items() if not mostly_different(cells) and len(set(cells)) > 1]


def _columns(
    opened: pq.ParquetFile, labels: Sequence[str], ignore: Sequence[str] | None, file: Path
) -> dict[str, NDArray[Any] | Unusable]:
    """Return all columns except the labels: numbers, or the reason why there are none."""
    fields = [field for field in opened.schema_arrow if field.name not in labels]
    reasons = {field.name: _unusable(field.type) for field in fields}
    reasons |= {name: "been left out" for name in ignore or () if name in reasons}
    table = _read(opened, [name for name, reason in reasons.items() if not reason], file)
    columns: dict[str, NDArray[Any] | Unusable] = {}
    for name, reason in reasons.items():
        if reason:
            columns[name] = Unusable(reason)
        elif table.column(name).null_count:
            columns[name] = Unusable(f"no value in {table.column(name).null_count:,} of {len(table):,} rows")
        else:
            columns[name] = table.column(name).to_numpy()
    return columns


def _unusable(kind: pa.DataType) -> str:
    """Return what a column of a type has instead of numbers; empty text for numbers."""
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return ""
    if _is_text(kind):
        return "text"
    if pa.types.is_temporal(kind):
        return f"dates or times ({kind})"
    images = pa.types.is_struct(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return f"values of the type {kind}{', perhaps images (set image)' if images else ''}"


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))


def _images(table: pa.Table, image: str, label: str, file: Path) -> Table:
    column = table.column(image)
    if pa.types.is_struct(column.type):
        if column.type.get_field_index("bytes") < 0:
            raise DataError(f"{file}: column {image!r} must have a field 'bytes'; got {column.type}.")
        column = pa.compute.struct_field(column, "bytes")
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        raise DataError(f"{file}: column {image!r} must contain encoded images; got {column.type}.")
    if column.null_count:
        raise DataError(f"{file}: column {image!r} must have an image in every row; {column.null_count} are null.")
    labels = table.column(label)
    return Table(column.to_pylist(), {}, labels.to_pylist(), _class_names(table.schema, label), _categories(labels))


def _index(schema: pa.Schema) -> tuple[str, ...]:
    """Return the columns that pandas says are the index of the table."""
    try:
        columns = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))["index_columns"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ()
    return tuple(name for name in columns if isinstance(name, str)) if isinstance(columns, list) else ()


def _categories(labels: pa.ChunkedArray) -> tuple[tuple[str, ...], bool] | None:
    """Return the categories of a column of pandas, and whether they are ordered; None for other columns."""
    if not pa.types.is_dictionary(labels.type) or not _is_text(labels.type.value_type):
        return None
    parts = labels.unify_dictionaries().chunks
    return (tuple(parts[0].dictionary.to_pylist()), bool(labels.type.ordered)) if parts else None


def _class_names(schema: pa.Schema, label: str) -> tuple[str, ...] | None:
    """Return the class names in Hugging Face's metadata of the file, or None if there are none."""
    try:
        about = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        names = about["info"]["features"][label]["names"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return tuple(map(str, names)) if isinstance(names, list) and len(set(map(str, names))) == len(names) else None
