"""What runs a network: devices, and adapters from networks to plain functions."""
