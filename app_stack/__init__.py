"""The learning platform itself, and how it is packed into a release."""
