"""Keep what each training was told and what came of it in a folder of its own, and list these folders."""
