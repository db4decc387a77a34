"""Who must not be reached, and what must not be kept: consent, erasure, access."""
