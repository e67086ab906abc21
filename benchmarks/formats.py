"""Write CIFAR-10 in every lossless format, read it back, and check that all tensors are equal.

    python -m benchmarks.formats [--quick] [--json FILE]

The source is the binary version in $ANTIVENOM_DATA. The formats are the Python version, RecordIO, a folder of PNG
images, a ZIP file of that folder, and Parquet. Every pixel and every label is compared. `--quick` uses 1,000 rows.
"""

import argparse
import json
import pickle
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch

from antivenom.data import Dataset, Splits
from antivenom.data.formats import cifar, images, recordio
from antivenom.data.sources.cifar10 import Cifar10
from antivenom.data.sources.folder import Folder
from antivenom.data.sources.parquet import Parquet
from antivenom.runner.export import class_folders, write_parquet
from benchmarks.machine import machine


def python_version(data: Dataset, folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Write a batch with pickle, and read it as plain data."""
    batch = {b"data": data.x.flatten(1).numpy(), b"labels": data.y.tolist(), b"batch_label": b"all", b"filenames": []}
    (folder / "batch").write_bytes(pickle.dumps(batch, 2))
    return cifar.read_python(folder / "batch", "labels")


def record_io(data: Dataset, folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Write and read a `.rec` file of PNG images."""
    pairs = zip(data.x, data.y.tolist(), strict=True)
    records = (recordio.Record((float(y),), (row, 0), images.encode(x), 0) for row, (x, y) in enumerate(pairs))
    (folder / "all.rec").write_bytes(recordio.write(records))
    records_read = list(recordio.read(folder / "all.rec"))
    x = images.decode_all(len(records_read), lambda row: (records_read[row].image, f"record {row}"), images.Canvas())
    return x, torch.tensor([int(record.labels[0]) for record in records_read])


def _tree(data: Dataset) -> Iterator[tuple[str, bytes]]:
    names = class_folders(data.classes)
    for row, (x, y) in enumerate(zip(data.x, data.y.tolist(), strict=True)):
        yield f"{names[y]}/{row:07}.png", images.encode(x)


def _by_class(data: Dataset, splits: Splits) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rows in the order in which they were written: by class, then by number."""
    both = torch.cat([splits.train.ids, splits.test.ids])
    rows = torch.argsort(data.y, stable=True)[both]
    x = torch.empty_like(data.x)
    y = torch.empty_like(data.y)
    x[rows] = torch.cat([splits.train.x, splits.test.x])
    y[rows] = torch.cat([splits.train.y, splits.test.y])
    return x, y


def folder_of_images(data: Dataset, folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Write and read a folder of images for each class."""
    root = folder / "images"
    for name in class_folders(data.classes):
        (root / name).mkdir(parents=True)
    for name, content in _tree(data):
        (root / name).write_bytes(content)
    return _by_class(data, Folder(path=str(root)).load())


def zip_file(data: Dataset, folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Write and read a ZIP file of the folder."""
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for name, content in _tree(data):
            archive.writestr(f"cifar/{name}", content)
    return _by_class(data, Folder(path=str(folder / "all.zip")).load())


def parquet_file(data: Dataset, folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Write and read Parquet with encoded images."""
    write_parquet(data, folder / "all.parquet")
    splits = Parquet(path=str(folder / "all.parquet"), test_path=str(folder / "all.parquet")).load()
    return splits.train.x, splits.train.y


FORMATS = (python_version, record_io, folder_of_images, zip_file, parquet_file)


def main() -> None:
    """Compare all formats and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="1,000 rows")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args()
    splits = Cifar10(layout="binary").load()
    data = splits.train.subset(torch.arange(1000)) if options.quick else splits.train
    print(" · ".join(f"{name} {value}" for name, value in machine().items()), f"· n = {len(data)} rows")
    rows = []
    for write_and_read in FORMATS:
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            x, y = write_and_read(data, Path(folder))
            took = time.perf_counter() - began
        same = torch.equal(x, data.x) and torch.equal(y, data.y)
        rows.append({"format": write_and_read.__name__, "same": same, "seconds": round(took, 1)})
        print(f"{write_and_read.__name__:18} {'the same' if same else 'DIFFERENT'}, written and read in {took:.1f} s")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "formats": rows}, indent=2) + "\n")
    if not all(row["same"] for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
