"""The parts of ``evaluate``: what is run, by what it is divided, what is written."""
