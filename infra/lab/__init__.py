"""The lab: networks and systemd hosts in Docker on this machine, and the Pulumi provider plugin over them."""
