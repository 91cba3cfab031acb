"""What all tests share: property tests try the same examples every time, unless asked to explore.

A check that fails must fail for its change, not by the luck of a draw; STROKEBOT_EXPLORE=1
draws new examples, to look for cases that nobody has thought of.
"""

import os
import signal
import threading

from hypothesis import settings
from hypothesis.internal.conjecture import providers

settings.register_profile("repeat", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
if os.environ.get("STROKEBOT_EXPLORE"):
    settings.load_profile("explore")
else:
    settings.load_profile("repeat")
    # Hypothesis draws some values from the constants of the modules that happen to be loaded, and so
    # other examples in a process that has run other tests before.
    assert hasattr(providers, "is_local_module_file")
    providers.is_local_module_file = lambda path: False

# A shell that starts the tests in the background lets them and their children ignore Ctrl-C, which
# some of them press.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
