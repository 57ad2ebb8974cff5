"""Convert an order to a bundle: the pipeline of named steps, bundle writing, packing, report."""
