"""Settings: `base` for all, `production` from the environment, `packing` for a release, `testing` for unit tests."""
