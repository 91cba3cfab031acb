"""A log of all that passes on the wire.

log.py       the records and their file
recorder.py  what writes them while a machine is used
"""
