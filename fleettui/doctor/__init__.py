"""The way to a cluster, looked at hop by hop; reads only."""
