"""Back up a control room's state folder, check and restore it, and salvage what a damaged history holds."""
