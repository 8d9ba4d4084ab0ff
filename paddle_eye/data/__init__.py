"""From files on disk to arrays: records, pictures, loaders."""
