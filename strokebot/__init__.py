"""Turns a picture into one continuous pen gesture and draws it on a plotter or a small arm."""

__version__ = "0.1.0"
