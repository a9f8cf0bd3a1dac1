"""Why there is no certificate."""


class AuthorityError(Exception):
    """The authority gave no certificate; the text says why, in its own words."""


class GivenError(Exception):
    """A given certificate cannot be used; the text says which file and why, and never what a key is."""
