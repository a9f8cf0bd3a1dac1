"""Backups of sites: one restic snapshot each, that holds one tar with database, files and what they belonged to."""
