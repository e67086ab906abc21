"""`python -m bezoar` is `bezoar`."""

from bezoar.cli import main

main()
