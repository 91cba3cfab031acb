"""The studio: a drawing on a page, before and while it happens.

server.py    the way in: addresses, start, end
access.py    who may ask: token, cookie, Host, Origin
api.py       what may be asked, and what is answered
hub.py       what all pages see, and who holds the control
clients.py   one open page: what it is told, and that nobody waits for it
planning.py  the process that plans
planner.py   the server's end of it
machine.py   the process that moves a machine
driver.py    the server's end of it
frames.py    a plan as rows of numbers for a screen
jobs.py      the journals as a list
"""
