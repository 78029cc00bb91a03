"""dermctl: from raw public dermatology archives to a leak-checked, audited, exported model.

Research use only; not a medical device.
"""

__version__ = "0.1.0"
