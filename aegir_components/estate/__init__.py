"""The farm of a stack file: components wired together, in the order in which they wait for each other."""
