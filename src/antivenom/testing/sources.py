"""What every source of data promises."""

from antivenom.data import Source
from antivenom.testing._checks import check
from antivenom.testing._toys import global_state_untouched


@check
def source_loads_the_same_twice(source: Source) -> None:
    """Loading twice gives the same rows, and the files that it names are there."""
    with global_state_untouched():
        first, again = source.load(), source.load()
    assert first.train.fingerprint == again.train.fingerprint, "loading twice gave other training rows"
    assert first.test.fingerprint == again.test.fingerprint, "loading twice gave other test rows"
    assert all(file.is_file() for file in source.files()), "files() names a file that is not there"
