"""Paint rendered corrosion and rendered dirt onto photographs of clean metal, with a known truth."""
