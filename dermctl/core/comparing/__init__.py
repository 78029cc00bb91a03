"""The parts of ``compare``: results as they were saved, and published ones beside them."""
