"""What the hub has for itself: its key, files that are replaced whole, locks, waiting, records, numbers of accounts."""
