"""Compare two missions over one asset: which defects are new, gone, grown, unseen this time or unchanged."""
