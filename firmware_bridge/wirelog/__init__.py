"""A log of all that passes on the wire, and sessions played again from it.

log.py       the records and their file
recorder.py  what writes them while a machine is used
replay.py    a logged session, shown or run again
"""
