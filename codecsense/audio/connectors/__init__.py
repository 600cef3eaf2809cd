"""Ways from the audio encoder's space into the host's; each file defines `Settings(ConnectorConfig)`."""
