"""A pen, a machine and a sheet of paper that do not exist, with truths that are known.

    pen.py      TruePen: what the pen really does at a pen value and a speed
    machine.py  TrueMachine: where the tool really is
    sheet.py    the ink that a recorded motion leaves on the sheet
    camera.py   a scan or a photo of the sheet

Calibration is tried and tested on them: what is measured and fitted must come out as
what is hidden here.
"""
