"""What is done with a whole pack of lines: pure functions of bytes, for a step of the graph or for a worker process."""
