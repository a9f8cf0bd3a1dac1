"""Which releases have known holes or are behind, by a mirror on the hub: matched without the network."""
