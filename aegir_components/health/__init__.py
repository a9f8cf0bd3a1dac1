"""Whether a site is served as declared, asked of each web server itself."""
