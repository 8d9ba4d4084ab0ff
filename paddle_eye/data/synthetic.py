"""PLACEHOLDER until drawn."""
def is_demonstration(path): return (path / "DEMONSTRATION.txt").is_file()
def draw(path): raise NotImplementedError
