"""The language of scripts: operations that check or apply, and the libraries of shell functions that they call."""
