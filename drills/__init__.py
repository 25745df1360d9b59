"""Drills: what is done to a platform on purpose, bounded, and what its learners see of it meanwhile."""
