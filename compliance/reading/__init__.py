"""Reading: what programs of a host say about it, as plain data. Each question is one command, shared by all checks."""
