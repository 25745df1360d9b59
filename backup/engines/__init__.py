"""Engines: the programs that keep copies, each behind the port."""
