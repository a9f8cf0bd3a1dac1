"""Where platforms come from, on the hub."""
