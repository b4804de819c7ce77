"""People: what they are told, and in which words."""
