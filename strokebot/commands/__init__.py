"""The commands of the program, by what they are about. Each parses, calls one function, saves and prints.

Heavy modules are imported inside the commands that need them: ``--help``, ``ports`` and
``send`` start at once, also on a small computer that only streams.
"""
