"""Write the files that a room of several processes wants: brokers, bridge, proxy, services."""
