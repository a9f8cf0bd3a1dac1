"""A site that runs elsewhere, inspected over ssh: what it is, what of it fits here, and how it is declared."""
