"""Compare two missions over one asset: which defects are new, grown, gone or unseen this time."""
