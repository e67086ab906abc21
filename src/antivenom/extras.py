"""The packages that only some uses of antivenom require, and the extras that install them."""

import re
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, requires

_REQUIREMENT = re.compile(r"""(?P<package>[\w.-]+).*;.*\bextra == ['"](?P<extra>[\w.-]+)['"]""")


def missing_packages(user: str, packages: Sequence[str]) -> str:
    """Return what to say if packages are not installed: who requires them, and the command that installs them.

    Args:
        user: what requires the packages, as the start of a sentence.
        packages: the names of at least one package, as pip knows them.

    >>> missing_packages("The defence 'blame'", ["ruptures"])
    "The defence 'blame' requires ruptures, which is not installed. Run: pip install 'antivenom[streams]'."
    >>> missing_packages("The attack 'yours'", ["their_package"])
    "The attack 'yours' requires their_package, which is not installed. Install it."
    """
    extras = [_extras().get(package) for package in packages]
    verb, them = ("is", "it") if len(packages) == 1 else ("are", "them")
    known = ",".join(sorted({extra for extra in extras if extra}))
    advice = f"Install {them}." if None in extras else f"Run: pip install 'antivenom[{known}]'."
    return f"{user} requires {' and '.join(packages)}, which {verb} not installed. {advice}"


@cache
def _extras() -> dict[str, str]:
    """Return the extra that installs each package, as the installed distribution of antivenom declares it.

    The extra `dev` is left out. It contains the packages of all others.
    """
    try:
        matches = [_REQUIREMENT.match(line) for line in requires("antivenom") or ()]
    except PackageNotFoundError:  # the source is on the path, but not installed
        return {}
    return {match["package"]: match["extra"] for match in matches if match and match["extra"] != "dev"}
