"""What a site begins with in place of the application's installation: a backup, or a dump and files from elsewhere."""
