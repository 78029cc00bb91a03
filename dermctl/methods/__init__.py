"""How models learn: losses and Lightning modules."""
