"""Databases, accounts and rights over PyMySQL. No Pulumi in here."""
