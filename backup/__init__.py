"""Backup: what is kept, by which engine, in which places, and the proof that it comes back."""
