"""A site's way to another release: its database updated on a copy, exchanged with no write lost, proven, or undone."""
