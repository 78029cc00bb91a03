"""`dermctl data …`: one module a command."""
