"""What each command does: one function a command, a result dataclass, no printing."""
