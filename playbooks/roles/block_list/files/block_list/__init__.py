"""The block list: sources that attacked are shut out on every firewall and edge."""
