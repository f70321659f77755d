"""What an indicator is made of: the measurement, its quantities, the protocol, the reading."""
