"""LinkedIn's interface for matched audiences: tokens, segments, streamed members."""

from townsend.rehearsal.linkedin.server import LinkedIn

__all__ = ["LinkedIn"]
