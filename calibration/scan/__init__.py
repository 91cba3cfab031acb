"""Reading a scan or a photo of a chart.

The room:
    picture.py  the file
    find.py     the fiducials in a picture, told apart and refined to sub-pixels
    view.py     where each place of the chart lies in the picture
    lines.py    width and darkness of a line from profiles across its plan
    crosses.py  where about the crosses of a geometry chart are
    measure.py  picture + chart -> measurements, or the reason why not
"""
