"""Judge one frame: inspectability, tiling, cascade, corrosion map, grades, verdict."""
