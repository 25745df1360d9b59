"""The checks here are run by what is tested, not by pytest itself."""

collect_ignore = ['checks']
