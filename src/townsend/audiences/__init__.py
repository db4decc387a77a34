"""Who meets a definition: PQL, its resolved form, two evaluators of it, and explanations."""
