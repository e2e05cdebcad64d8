"""The formats of annotation files, one small parser each: `parse(source) -> Annotations`."""
