"""Events: their merging, the programs that keep and measure them."""
