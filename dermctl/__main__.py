"""``python -m dermctl`` and the console script."""

import io
import sys

from dermctl.cli.main import app


def main() -> None:
    """Run the command line; a sign that the output's encoding lacks is spelt out, as on stderr."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    app()


if __name__ == "__main__":
    main()
