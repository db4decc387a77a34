"""What a source and a destination of one vendor share: token, budget of calls, reading of its errors."""
