"""The page to try a picture on."""
