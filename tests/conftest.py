"""What all tests share: property tests try the same examples every time, unless asked to explore.

A check that fails must fail for its change, not by the luck of a draw; STROKEBOT_EXPLORE=1
draws new examples, to look for cases that nobody has thought of.
"""

import os

from hypothesis import settings

settings.register_profile("repeat", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile("explore" if os.environ.get("STROKEBOT_EXPLORE") else "repeat")
