"""The online safety-training platform: accounts, courses, progress, archive and health."""
