"""Targets: where the hosts are. Each makes a topology so, or checks that it is, and hands over the same inventory."""
