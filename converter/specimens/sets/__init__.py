"""Write data sets of rendered pictures, and of photographs that rendered corrosion is painted on."""
