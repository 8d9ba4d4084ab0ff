"""The calls of the documents' notebooks, over the same engine as the tools."""
