"""Every option of a training in one frozen dataclass: default, meaning, unit, range."""
