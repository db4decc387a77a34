"""The batch evaluator: a whole audience as one SQL query over the unified tables."""

from townsend.audiences.batch.run import lowered, members, sql

__all__ = ["lowered", "members", "sql"]
