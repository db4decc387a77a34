"""One process that owns a project's store: it takes in, keeps audiences right, and lets others read."""
