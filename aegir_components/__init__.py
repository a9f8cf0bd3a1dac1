"""Aegir's multiserver hosting as Pulumi resources."""
