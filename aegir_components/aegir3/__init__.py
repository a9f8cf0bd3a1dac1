"""A farm of Aegir 3, read as data: its contexts become a stack file and a plan."""
