"""Trajectory and profile to a program of moves: where curves are cut, feeds, backlash.

compile.py          ``compile_program``
marlin_segments.py  cuts for a firmware that guesses arcs
feeds.py            the feed of each move
backlash.py         moves that take up the play of the axes
"""
