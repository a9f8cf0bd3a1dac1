"""What machines say of themselves and of what is on them. It only looks."""
