"""`python -m antivenom` is `antivenom`."""

from antivenom.own_code import forget_working_directory

forget_working_directory()

from antivenom.cli import main  # noqa: E402 - nothing may be imported from the working directory

main()
