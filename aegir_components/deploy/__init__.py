"""What is deployed on a machine, of a site or a release, as operations of a script."""
