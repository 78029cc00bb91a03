"""What each data command does."""
