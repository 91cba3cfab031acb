"""Lines out and answers in: the conversation with a controller.

link.py              one line and its answer; what is known of the machine
send_window.py       which lines are under way, which were taken, which go next
streamer.py          the loop that keeps the window full
retransmit.py        what is sent again, and when
watchdog.py          how long an answer may take
progress_tracker.py  which lines are surely executed
position_monitor.py  reports that show a damaged line
"""
