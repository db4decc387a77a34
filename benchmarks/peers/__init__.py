"""What we compare ourselves with: SQL that somebody who knows the tables and DuckDB would write by hand."""
