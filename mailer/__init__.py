"""FocalPoint Mail: the library behind the web door, the workers and the command line."""
