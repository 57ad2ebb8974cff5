"""From an order to a bundle: the pipeline of named steps, packing, report."""
