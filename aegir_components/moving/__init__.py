"""A site moves with all its content to other web servers, to another database server, or to both."""
