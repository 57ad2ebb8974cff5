"""Import data sets of other tools into ``labels.csv`` with masks, and export them again."""
