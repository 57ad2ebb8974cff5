"""Judge one frame: inspectability, tiling, cascade, corrosion map, grades, and the verdict that says so."""
