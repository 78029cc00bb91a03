"""The parts of ``finetune``: where it starts, which rows it takes, how each mode learns."""
