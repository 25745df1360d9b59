"""Compliance: the clauses that a platform has to meet, and what proves them."""
