"""MXNet's RecordIO with images in it: `.rec` files, as `im2rec` packs them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from antivenom.data.formats._reading import contents
from antivenom.errors import DataError

MAGIC = struct.pack("<I", 0xCED7230A)
HEADER = struct.Struct("<IfQQ")
LENGTH = (1 << 29) - 1
WHOLE, FIRST, MIDDLE, LAST = range(4)


@dataclass(frozen=True)
class Record:
    """One record: its labels, its two ids, the encoded image, and where it began."""

    labels: tuple[float, ...]
    ids: tuple[int, int]
    image: bytes
    offset: int


def read(file: Path) -> Iterator[Record]:
    """The records of a file, in order.

    Raises:
        MissingDataError: it is not there.
        DataError: it is damaged; the message names the file and the offset.
    """
    yield from parse(contents(file), str(file))


def parse(content: bytes, where: str) -> Iterator[Record]:
    """The same from bytes; `where` is for messages."""
    for offset, payload in _payloads(content, where):
        if len(payload) < HEADER.size:
            raise DataError(f"{where}: the record at offset {offset} has {len(payload)} bytes, fewer than its header.")
        flag, label, *ids = HEADER.unpack_from(payload)
        start = HEADER.size + 4 * flag
        if start > len(payload):
            raise DataError(f"{where}: the record at offset {offset} promises {flag} labels and ends before them.")
        labels = struct.unpack_from(f"<{flag}f", payload, HEADER.size) if flag else (label,)  # of as many as are there
        yield Record(labels, (ids[0], ids[1]), payload[start:], offset)


def write(records: Iterator[Record]) -> bytes:
    """A file's bytes: what `parse` reads back. `offset` is not kept."""
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
    """Each record's offset and bytes. A magic number within a record parted it in the file; it is put back."""
    offset, begun, parts = 0, 0, list[bytes]()
    while offset < len(content):
        if content[offset : offset + 4] != MAGIC or offset + 8 > len(content):
            found = content[offset : offset + 4].hex(" ")
            raise DataError(f"{where} has no record at offset {offset}: it reads {found}, not {MAGIC.hex(' ')}.")
        (word,) = struct.unpack_from("<I", content, offset + 4)
        kind, length = word >> 29, word & LENGTH
        end = offset + 8 + length
        if end > len(content):
            raise DataError(f"{where}: the record at offset {offset} promises {length} bytes; the file ends before.")
        if kind > LAST or (kind in (WHOLE, FIRST)) == bool(parts):
            raise DataError(f"{where}: the record at offset {offset} has the continuation {kind}, out of order.")
        begun = begun if parts else offset
        parts.append(content[offset + 8 : end])
        if kind in (WHOLE, LAST):
            yield begun, MAGIC.join(parts)
            parts = []
        offset = end + -length % 4
    if parts:
        raise DataError(f"{where} ends within the record that began at offset {begun}.")


def _pieces(payload: bytes) -> list[bytes]:
    """A record cut where a magic number stands at a multiple of 4 bytes, as readers would take it for a new one."""
    cuts, at = list[int](), payload.find(MAGIC)
    while at >= 0:
        cuts += [at] if at % 4 == 0 else []
        at = payload.find(MAGIC, at + 1)
    ends = [*cuts, len(payload)]
    starts = [0, *(cut + 4 for cut in cuts)]
    return [payload[start:end] for start, end in zip(starts, ends, strict=True)]
