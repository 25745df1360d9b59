"""Migrating in two steps: expand while the old code runs, contract when nobody runs it any more."""
