"""A Marketo instance as a local server: tokens, lead database, lists, programs, activities, bulk extracts."""
