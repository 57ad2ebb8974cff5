"""Render more of what is no metal: walls, hides, goods, print, rooms, landscapes, game textures."""
