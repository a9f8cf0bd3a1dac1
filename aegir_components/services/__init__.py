"""What a service is on a machine: packages, files and commands, as operations of a script."""
