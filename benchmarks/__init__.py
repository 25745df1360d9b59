"""Benchmarks: the numbers that the README claims, measured anew and printed beside what they are held against."""
