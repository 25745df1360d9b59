"""`python -m anlan.cli`."""

from anlan.cli.app import main

main()
