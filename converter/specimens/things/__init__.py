"""Render more of what is no metal: walls, hides, goods, print, rooms, landscapes and the textures of games."""
