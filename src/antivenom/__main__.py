"""`python -m antivenom` is `antivenom`."""

from antivenom.cli import main

main()
