"""Workers: seats, ticks and stints."""
