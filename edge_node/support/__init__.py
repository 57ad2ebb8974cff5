"""Gather what helps a stranger to find a robot's fault into one file to mail, without its passwords."""
