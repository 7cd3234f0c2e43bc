"""Azure on a laptop: nothing here is ever deployed."""
