"""Check the names of the classes and of the columns of a data set."""

from antivenom.errors import DataError


def check_class_names(names: tuple[str, ...]) -> None:
    """Check that the names of classes can be written to files, and that no two are equal.

    Raises:
        DataError: they are not.
    """
    for name in names:
        _check_encodable(name)
    if len(set(names)) != len(names):
        raise DataError(f"Class names must be unique; got {names}.")


def check_column_names(names: tuple[str, ...], shape: tuple[int, ...]) -> None:
    """Check that each number of a row has a name, or none has one.

    Raises:
        DataError: only some of them have one.
    """
    if names and shape != (len(names),):
        raise DataError(f"columns must have one name per number of a row; got {len(names)} for rows of shape {shape}.")


def _check_encodable(name: str) -> None:
    """Raise DataError for a class name that no file can contain, such as that of a folder in another encoding."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        shown = ascii(name)
        raise DataError(f"Class names must be text that UTF-8 can encode; got {shown}. Rename the class.") from error
