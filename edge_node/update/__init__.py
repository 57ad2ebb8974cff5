"""Bundles travel: one signed file, checked before it is unpacked, tried before it is trusted."""
