"""One MQTT connection, for the robot and for the control room; the only importer of paho."""
