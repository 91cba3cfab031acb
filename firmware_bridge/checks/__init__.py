"""What is judged before ink: the drawing against the machine, and the machine by what it says of itself.

findings.py           what a check found, and how bad it is
preflight.py          envelope, reach, speeds and line rate of a drawing
controller_settings.py  the settings that the controller tells, and what a drawing asks of them
"""
