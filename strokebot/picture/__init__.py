"""From a picture file to ink: what is read, what counts as ink, and its connected parts.

image.py  a file to an ``InkImage``
ink.py    paper, light and polarity: brightness to ink
parts.py  connected parts
"""
