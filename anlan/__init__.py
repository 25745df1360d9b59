"""Anlan (安澜): an infrastructure-as-code operations and resilience suite."""

__version__ = '0.1.0'
