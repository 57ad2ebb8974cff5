"""Make reports and data sets one at a time in a process of their own, in a bounded queue."""
