"""Static files under names that carry their content's hash."""

from __future__ import annotations

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class ReleasedStatics(ManifestStaticFilesStorage):
    """Hashed names from the release's list; a name that is not in it is served as it is, not answered with an error."""

    manifest_strict = False
    keep_intermediate_files = False
