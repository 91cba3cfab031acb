"""G-code as data: one grammar, and what lines do.

sanitize.py      a file to lines that are safe for the wire
reader.py        lines to the places, feeds and waits that they make the tool do
grbl_grammar.py  how GRBL reads a line: its groups and its errors
arcs.py          an arc as chords
"""
