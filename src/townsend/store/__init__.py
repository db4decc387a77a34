"""Where facts and small transactional state are kept, durably."""
