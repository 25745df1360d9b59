"""What is seen: probes that run on hosts and clients, and the judgement of what they answered."""
