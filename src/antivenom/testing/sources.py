"""Checks of sources of data."""

from antivenom.data import Source
from antivenom.testing._toys import global_state_untouched
from antivenom.testing.register import check


@check
def source_loads_the_same_twice(source: Source) -> None:
    """Loading twice returns the same rows, and the files of the source exist."""
    with global_state_untouched():
        first, again = source.load(), source.load()
    assert first.train.fingerprint == again.train.fingerprint, "loading twice returned different training rows"
    assert first.test.fingerprint == again.test.fingerprint, "loading twice returned different test rows"
    missing = [str(file) for file in source.files() if not file.is_file()]
    assert not missing, f"files() must return existing files; these do not exist: {', '.join(missing)}"
