"""``python -m townsend`` is the ``townsend`` command."""

from townsend.cli.main import run

if __name__ == "__main__":
    run()
