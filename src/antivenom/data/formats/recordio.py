"""Read and write MXNet's RecordIO files of images (`.rec`, as `im2rec` packs them)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from antivenom.errors import DataError
from antivenom.files.opening import read_bytes

MAGIC = struct.pack("<I", 0xCED7230A)
HEADER = struct.Struct("<IfQQ")
LENGTH = (1 << 29) - 1
WHOLE, FIRST, MIDDLE, LAST = range(4)


@dataclass(frozen=True)
class Record:
    """A record: its labels, its two ids, the encoded image, and its offset in the file."""

    labels: tuple[float, ...]
    ids: tuple[int, int]
    image: bytes
    offset: int


def read(file: Path) -> Iterator[Record]:
    """Yield the records of a file, in order.

    Raises:
        MissingDataError: the file does not exist.
        DataError: the file is damaged; the message names the file and the offset.
    """
    yield from parse(read_bytes(file), str(file))


def parse(content: bytes, where: str) -> Iterator[Record]:
    """Like `read`, but from bytes. Messages call the content `where`."""
    for offset, payload in _payloads(content, where):
        if len(payload) < HEADER.size:
            raise DataError(f"{where}: the record at offset {offset} is shorter than a header: {len(payload)} bytes.")
        flag, label, *ids = HEADER.unpack_from(payload)
        start = HEADER.size + 4 * flag
        if start > len(payload):
            raise DataError(f"{where}: the record at offset {offset} declares {flag} labels, but ends before them.")
        labels = struct.unpack_from(f"<{flag}f", payload, HEADER.size) if flag else (label,)  # all labels
        yield Record(labels, (ids[0], ids[1]), payload[start:], offset)


def write(records: Iterator[Record]) -> bytes:
    """Return the bytes of a file with these records. `parse` reads it. `offset` is not kept."""
    parts = []
    for record in records:
        many = len(record.labels) != 1
        head = HEADER.pack(len(record.labels) if many else 0, 0 if many else record.labels[0], *record.ids)
        extra = struct.pack(f"<{len(record.labels)}f", *record.labels) if many else b""
        pieces = _pieces(head + extra + record.image)
        for index, piece in enumerate(pieces):
            last = index == len(pieces) - 1
            kind = (WHOLE if last else FIRST) if index == 0 else (LAST if last else MIDDLE)
            parts.append(MAGIC + struct.pack("<I", kind << 29 | len(piece)) + piece + bytes(-len(piece) % 4))
    return b"".join(parts)


def _payloads(content: bytes, where: str) -> Iterator[tuple[int, bytes]]:
    """Yield the offset and bytes of each record. A record is divided at magic numbers in it; join its parts."""
    offset, first, parts = 0, 0, list[bytes]()
    while offset < len(content):
        if content[offset : offset + 4] != MAGIC or offset + 8 > len(content):
            actual = content[offset : offset + 4].hex(" ")
            raise DataError(f"{where}: a record at offset {offset} must start with {MAGIC.hex(' ')}; got {actual}.")
        (word,) = struct.unpack_from("<I", content, offset + 4)
        kind, length = word >> 29, word & LENGTH
        end = offset + 8 + length
        if end > len(content):
            raise DataError(f"{where} ends before the {length} bytes of the record at offset {offset}.")
        if kind > LAST or (kind in (WHOLE, FIRST)) == bool(parts):
            raise DataError(f"{where}: the record at offset {offset} has part number {kind}, out of order.")
        first = first if parts else offset
        parts.append(content[offset + 8 : end])
        if kind in (WHOLE, LAST):
            yield first, MAGIC.join(parts)
            parts = []
        offset = end + -length % 4
    if parts:
        raise DataError(f"{where} ends in the middle of the record at offset {first}.")


def _pieces(payload: bytes) -> list[bytes]:
    """Divide a record at magic numbers at multiples of 4 bytes, because readers would see a new record there."""
    cuts, at = list[int](), payload.find(MAGIC)
    while at >= 0:
        cuts += [at] if at % 4 == 0 else []
        at = payload.find(MAGIC, at + 1)
    ends = [*cuts, len(payload)]
    starts = [0, *(cut + 4 for cut in cuts)]
    return [payload[start:end] for start, end in zip(starts, ends, strict=True)]
