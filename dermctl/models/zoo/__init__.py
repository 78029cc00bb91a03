"""The zoo: encoders by name, a folder each, with licence, checksum and what they have seen."""
