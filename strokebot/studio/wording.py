"""What the rooms below say to somebody at a terminal, in words of the page: what to press instead.

Nouns:
    phrase   part of a message that names a command or an option
    press    what stands on the page in its place; the labels are those of ``page/words.js``
"""

from __future__ import annotations

import re

_JOBS = "the list of drawings"
# Longer phrases first, since shorter ones are parts of them.
_PHRASES: tuple[tuple[str, str], ...] = (
    (
        r"home it with strokebot resume \d* ?--home, or put the pen where it believes to be and use --here",
        f"press Go on in {_JOBS}, and Home it first, or put the pen where it believes to be",
    ),
    (
        r"home it \(--home\), or put the pen where the controller believes it to be and say so \(--here\)",
        f"press Go on in {_JOBS} and Home it first, or put the pen where the machine believes it to be",
    ),
    (
        r"home it \(--home\), or unlock it where it stands \(--unlock\)",
        "press Home, or Unlock where it stands",
    ),
    (r"--home, or --unlock if it stands where it says", "press Home, or Unlock if it stands where it says"),
    (r"--home, or --origin here", "press Home, or The paper's corner is here"),
    (r"home it, or give --origin X,Y", "press Home"),
    (r"then resume with --home --lifted", "then home the machine by its own keys, and press Go on"),
    (r"strokebot resume goes on( with it)?", rf"Go on in {_JOBS} goes on\1"),
    (r"see strokebot resume --list", f"see {_JOBS}"),
    (r"check it with --check where the firmware can", "let it walk around the drawing first"),
    (r"strokebot ports lists those that are plugged in", "the list of ports has those that are plugged in"),
    (r"\(without --port\), and calibrate the real one with --port", "and calibrate the real one"),
    (r"--scale and --fit both say how large to draw: give one of them", "Choose one size"),
    (r"give --fit WxH in mm", "give width and height in mm"),
    (r"take a smaller --margin, another place", "keep a narrower edge free, choose another place"),
    (r"(draw with|use) --method tour", "choose Drawn by: tour"),
    (r"give another name to --save-as", "give another name"),
    (r"strokebot draw says why", "its plan says why"),
)
_PATTERNS = tuple((re.compile(phrase), press) for phrase, press in _PHRASES)


def on_page(said: object) -> str:
    """A message on one line, for somebody who has the page before him."""
    text = " ".join(str(said).split())
    for pattern, press in _PATTERNS:
        text = pattern.sub(press, text)
    return text
