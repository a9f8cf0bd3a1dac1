"""What the state says of a site whose content was loaded."""

from __future__ import annotations

from typing import Final

OWN: Final = "own"
"""What was loaded is the site's own content."""
CLONE: Final = "clone"
"""What was loaded is another site's content, which goes on without this one."""
