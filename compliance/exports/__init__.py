"""Exports: an assessment in the forms that other programs read: OSCAL, JUnit XML, CSV."""
