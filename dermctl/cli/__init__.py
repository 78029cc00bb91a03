"""The command line: parses, calls core, shows the result. No heavy import at module top."""
