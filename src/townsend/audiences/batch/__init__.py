"""The batch evaluator: a whole audience as one SQL query over the unified tables."""

from townsend.audiences.batch.run import effort, lowered, members, members_of_many, sql

__all__ = ["effort", "lowered", "members", "members_of_many", "sql"]
