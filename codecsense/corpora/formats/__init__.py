"""One file per format, each with `read(path)` and `write(samples, path)`."""
