"""Training of the drawing networks: true ways of pens, lock-step driving along them, two networks.

``corpus`` makes pictures whose ways are known, ``paths`` samples the ways and says what the pen
should do next, ``drive`` draws the pictures in lock step and writes down what was seen and what
should have been answered, ``networks`` are the pen and the eye, ``learn`` trains them.
"""
