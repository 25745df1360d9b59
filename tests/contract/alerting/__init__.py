"""Alert rules and their tests, held to the conventions of monitoring/rules/README.md."""
