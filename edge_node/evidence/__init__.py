"""Keep pictures of what was judged, bounded in size, and mark them with the corrosion map."""
