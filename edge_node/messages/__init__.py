"""Messages on the wire, as frozen msgspec structs, their topics and their encoding. Pure: no I/O."""
