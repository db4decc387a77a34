"""Answers that follow the facts and the clock: what an answer hangs on, whom a change concerns, and when.

Nothing here changes a store or reads a clock. ``project.live`` holds the answers and keeps them true.
"""
