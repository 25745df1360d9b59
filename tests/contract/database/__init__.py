"""What the contract tests of the database run on a host of its image."""
