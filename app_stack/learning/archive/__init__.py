"""The archive: who completed what, in a chain in which nothing can be changed unseen."""
