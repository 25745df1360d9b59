"""Progress: each position that was acknowledged is kept for ever, under the number that the client gave it."""
