"""Find, read and change the nodes of a frozen GraphDef: its beginning, its end, its further inputs."""
