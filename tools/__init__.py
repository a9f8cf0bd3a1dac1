"""Getting what the project runs on: the Pulumi engine and a virtual environment.

Everything here runs on a bare Python 3.11, before there is a virtual environment: standard library only.
"""
