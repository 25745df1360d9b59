"""Courses, their lessons and their media."""
