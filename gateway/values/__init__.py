"""What all rooms speak: frozen values. No I/O, no clock, no chance; nothing here imports another room."""
