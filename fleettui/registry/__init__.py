"""fleet's registry in etcd v2: decode it, follow it, and the few writes a repair needs."""
