"""Keep what people commanded from the page."""
