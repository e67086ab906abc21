"""Addresses of stores and of folders: which are refused, with what to write instead."""

from pathlib import Path

import pytest

from antivenom.errors import SettingsError, WriteError
from antivenom.files.writing import make_folder
from antivenom.storage.places.addresses import local_folder, url_and_options


@pytest.mark.parametrize("address", ["s3://", "s3:///study", "gs://?anon=true", "simplecache::s3://"])
def test_an_address_without_a_bucket_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match=r"must name a bucket, such as (s3|gs)://my-bucket/folder\."):
        url_and_options(address)


def test_a_folder_from_a_path_that_was_a_url_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for address in ("s3://bucket/x", Path("s3://bucket/x")):
        with pytest.raises(SettingsError, match=r"must be on this machine; got s3://bucket/x"):
            local_folder(address)
    with pytest.raises(WriteError, match=r"must be on this machine; got s3://bucket/x"):
        make_folder(Path("s3://bucket/x"))
    Path("run:/x").mkdir(parents=True)
    assert local_folder("run:/x") == Path("run:/x"), "a folder that exists is meant"
    assert not Path("s3:").exists()
