"""Render metal as cameras and sites differ: parts, welds, bolts, tubes and objects, corroded or not."""
