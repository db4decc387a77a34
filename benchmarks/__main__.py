"""``python -m benchmarks``; see ``run``."""

from benchmarks.run import main

# Each measurement runs in a process of its own, which reads this file again.
if __name__ == "__main__":
    main()
