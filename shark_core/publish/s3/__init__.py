"""A bucket as an object store: client, errors, multipart uploads, the store itself."""
