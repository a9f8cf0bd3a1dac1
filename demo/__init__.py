"""The demo: an estate on hosts of the lab, from two bare machines to a site that answers. `python -m demo`."""
