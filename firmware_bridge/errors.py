"""The error tree of the bridge, and the root of every error that a user may see.

StrokebotError                what went wrong and what to do, in one line
|- BridgeError
|  |- HostError               found on this side of the wire
|  |  |- PortError            the port is missing, busy, or went away
|  |  |- ProtocolError        the other side does not speak the expected dialect
|  |  |- ResponseTimeout      a bounded wait ended without an answer
|  |  |- PreflightError       the program must not be started on this machine
|  |  |- PlaceLost            a stopped drawing cannot go on, since the machine lost its place
|  |  |- Cancelled            somebody cancelled the drawing
|  |  |- ReachError           the mechanism has no pose for a point or for joint values
|  |  `- ProgramError         the program or the G-code file is not valid
|  `- DeviceError             reported by the machine
|     |- DeviceRejected       it answered a line with an error
|     |- DeviceAlarm          it raised an alarm and stopped
|     `- DeviceReset          it restarted while it was at work
|- (calibration.errors)       ProfileError
`- (strokebot.errors)         ImageError, GestureError, ...
"""

from __future__ import annotations


class StrokebotError(Exception):
    """An error meant for the user: one line that says what is wrong and what to do.

    The command line prints ``str(error)`` and exits with 1.
    """


class BridgeError(StrokebotError):
    """Anything that goes wrong between a program and a machine."""


class HostError(BridgeError):
    """Found by the host, not reported by the machine."""


class PortError(HostError):
    """The port is missing, busy, not permitted, or went away."""


class ProtocolError(HostError):
    """The other side does not answer in the expected dialect."""


class ResponseTimeout(HostError):
    """A bounded wait ended without an answer from the machine."""


class PreflightError(HostError):
    """The program must not be started on this machine as it is."""


class PlaceLost(HostError):
    """The machine does not know any more where it is."""


class Cancelled(HostError):
    """Somebody cancelled the drawing; the pen is up."""


class ReachError(HostError):
    """The mechanism has no pose for a point, or for joint values."""


class ProgramError(HostError):
    """A program or a G-code file is not valid."""


class DeviceError(BridgeError):
    """Reported by the machine itself."""


class DeviceRejected(DeviceError):
    """The machine answered a line with an error."""


class DeviceAlarm(DeviceError):
    """The machine raised an alarm and stopped."""


class DeviceReset(DeviceError):
    """The machine restarted while it was at work."""
