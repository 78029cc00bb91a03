"""How pixels become batches: sampled parameters, CPU path, device path, data module."""
