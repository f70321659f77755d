"""Colours and markers of figures: what they mean survives grey print and colour blindness.

The colours are four of Okabe and Ito's ("Color Universal Design", 2008), made to stay apart for
the colour blind; the purple is darkened until it stands out from a white page. In grey the
marker tells series apart, never the colour alone. Diverging maps print their numbers in the cells.
"""

from __future__ import annotations

BLUE = "#0072b2"
VERMILION = "#d55e00"
GREEN = "#009e73"
PURPLE = "#b5619a"
GREY = "#80858e"

SERIES: tuple[tuple[str, str], ...] = (
    (BLUE, "o"),
    (VERMILION, "D"),
    (GREEN, "s"),
    (PURPLE, "^"),
)
"""Colour and marker of the first, second, ... series of a figure."""

INK = "#010203"
"""Stands for the colour of text; a page puts its own in its place."""
PAPER = "#fefdfc"
"""Stands for the colour behind everything."""

DIVERGING = "RdBu"
"""matplotlib's map of correlations: red below zero, white at zero, blue above."""

SEQUENTIAL = "cividis"
"""matplotlib's map whose lightness rises evenly, also for the colour blind and in grey."""
