"""Benchmarks: each prints a table of ratios against a baseline measured in the same run.

python -m benchmarks.NAME [--quick] [--json FILE]; FILE gets a flat table, name to number.
"""
