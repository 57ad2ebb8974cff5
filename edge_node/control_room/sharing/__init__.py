"""Let several processes work as one control room: what each tells the others, and what one does for all."""
