"""A server of S3 on this machine."""

import itertools
import logging
from collections.abc import Iterator

import pytest

NUMBERS = itertools.count()
"""Every bucket has its own name, because all servers of a process share their content."""


def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a new, empty bucket; when the generator goes on, its server ends."""
    server_module = pytest.importorskip("moto.server", reason="moto, which serves S3, is not installed")
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_module.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    system = s3fs.S3FileSystem(endpoint_url=f"http://{host}:{port}")
    bucket = f"bucket-{next(NUMBERS)}"
    system.mkdir(bucket)
    try:
        yield f"s3://{bucket}/store?endpoint_url=http://{host}:{port}"
    finally:
        server.stop()
