"""``python -m dermctl`` and the console script."""

import io
import sys

from dermctl.cli.main import app


def main() -> None:
    """Run the command line; a sign that the terminal or file has no letter for stops nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()


if __name__ == "__main__":
    main()
