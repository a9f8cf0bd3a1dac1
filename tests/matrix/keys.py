"""Every key of the stack file, as its readers ask for them: a key that is added there is a row of the matrix, or a test fails."""

from __future__ import annotations

from aegir_components.settings import schema
from aegir_components.settings.site_options import PLACED_BY

FROM_OUTSIDE = (schema.FROM_OUTSIDE,)
"""Read before all others."""


def every() -> list[str]:
    """List the keys by their paths, such as ``sites.*.php.memory``; a mapping that has keys of its own is not one itself."""
    asked: set[str] = set(FROM_OUTSIDE)
    for sample in schema.SAMPLES:
        for path, forms in schema.noted(sample).items():
            for form in forms:
                if form.kind == "mapping":
                    words = (key for key in form.words if key not in PLACED_BY or path != "sites.*")
                    asked.update(f"{path}.{key}".lstrip(".") for key in words)
                elif form.kind == "entries":
                    asked.add(f"{path}.*")
    parents = {key.rpartition(".")[0] for key in asked} - {key for key in asked if key in SHORT_FORMS}
    return sorted(key for key in asked if key not in parents)


SHORT_FORMS = ("servers.*.services.web", "servers.*.services.database", "clusters.*.uploads", "platforms.*.source",
               "platforms.*.source.composer", "sites.*.database", "sites.*.certificate", "sites.*.backups",
               "sites.*.origin.files", "backups")  # fmt: skip
"""Mappings that may be written as one word: as such they are keys themselves."""
