"""``python -m dermctl`` and the console script."""

from dermctl.cli.main import app


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
