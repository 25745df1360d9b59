"""Health: whether this process runs, and whether it can serve learners."""
