"""The project over HTTP: its own interface, the inlets, the membership feed, metrics."""
