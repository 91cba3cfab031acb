"""One drawing on a connected machine, from the greeting to the last line.

connection.py     a machine on an open port, at rest or moved by hand
device.py         the same with a drawing: open, check, draw
runner.py         one run: journal, stream, and the pen up at any end
drawing.py        pause within a stroke, resume, changes while it draws
pen_trim.py       the pen deeper or higher, line by line
feed_override.py  faster or slower
eta.py            time left
resume.py         where a stopped drawing goes on
reconnect.py      a drawing through a pulled cable
replay.py         a logged session, shown or run again
"""
