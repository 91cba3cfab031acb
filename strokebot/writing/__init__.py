"""Characters on a page: found, put in reading order, drawn one by one, joined into words.

page.py           a page of characters and line art to one gesture
words.py          which characters make a word
reading_order.py  lines of writing, and the order in them
method.py         who draws a part: the network or the tour
ligatures.py      entry and exit strokes, and letters joined by them
"""
