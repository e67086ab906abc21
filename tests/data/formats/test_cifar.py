"""CIFAR's own files."""

from pathlib import Path

from antivenom.data.formats import cifar


def test_names_in_cifars_own_files(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("a\nb c\n\n")
    assert cifar.names_in_text(tmp_path / "names.txt") == ("a", "b c")
