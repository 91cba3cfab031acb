"""G-code as data: one grammar, and what lines do.

words.py         the grammar: a line that knows its words, its dwell, and its number in its file
sanitize.py      a file to lines that are safe for the wire
reader.py        lines to the places, feeds and waits that they make the tool do
pen_words.py     which word of a line tells where the pen is
pen_survey.py    which words move the pen in a file, and which values are up and down
grbl_grammar.py  what GRBL makes of the words of a line: its groups and its errors
arcs.py          an arc as chords
"""
