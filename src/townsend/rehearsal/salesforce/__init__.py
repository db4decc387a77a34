"""A Salesforce org as a local server: token, REST query, describe, replication, Bulk 2.0 queries, limits."""
