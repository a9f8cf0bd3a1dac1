"""The inputs of resources as dataclasses, which components, providers and what is below them share."""
