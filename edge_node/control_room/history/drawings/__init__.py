"""Keep the drawings of assets, and place on them what was found along the path or in space."""
