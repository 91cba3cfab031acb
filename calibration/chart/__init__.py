"""Test charts: what the pen draws so that a scan of it tells what pen and machine do.

spec.py    Mark, Fiducial, Chart: what is where, and the file that says so
"""
