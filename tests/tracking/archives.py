"""Archives of a run's source that seqlab never made."""

import io
import zipfile


def zipped(**files: bytes) -> bytes:
    """An archive, by names of files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()
