"""The words that options of a drawing may have, for all rooms that act on them; see ``options.py``."""

from __future__ import annotations

from typing import Literal, TypeAlias

Method: TypeAlias = Literal["auto", "model", "hand", "tour"]
StrokeStyle: TypeAlias = Literal["one-line", "hand"]
StyleWord: TypeAlias = Literal["auto", "line", "tone"]
Pattern: TypeAlias = Literal["scan", "spiral"]
Speed: TypeAlias = Literal["careful", "normal", "fast"]
Turn: TypeAlias = Literal[0, 90, 180, 270]
Quality: TypeAlias = Literal["draft", "normal", "fine"]
JoinMode: TypeAlias = Literal["lift", "ink"]
InkSide: TypeAlias = Literal["auto", "dark", "light", "colour"]
AreaMode: TypeAlias = Literal["tone", "outline", "none"]

# Edge of the sheet that is kept free where nobody says otherwise, mm.
MARGIN_MM = 10.0
# Nominal time for fitting: enough for all steps on 4,000 px of dense line art.
POLISH_SECONDS = 10.0
# Darkness up to which a photograph stays white: 5 of 255 levels, which JPEG files leave on white.
TONE_WHITE = 0.02
