"""Reading a scan or a photo of a chart.

The room:
    find.py     the fiducials in a picture, told apart and refined to sub-pixels
"""
