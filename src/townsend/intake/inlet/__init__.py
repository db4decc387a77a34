"""Inlets: what programs send, read into rows of our classes.

``collection`` reads the XDM platform's messages, ``segment`` the calls of Segment-style libraries. Nothing
here stores, waits or reads a clock.
"""

from townsend.intake.inlet.messages import Message, entry_of, entry_text

__all__ = ["Message", "entry_of", "entry_text"]
