"""Servers, platforms and sites as component resources: declarations only."""
