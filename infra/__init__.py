"""What exists: topology, Pulumi program, targets, host images, the lab provider plugin."""
