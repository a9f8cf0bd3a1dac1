"""The addresses that a site's content has of itself follow when the site gets another name."""
