"""The documents as a site: `make docs`, from the pages in the repository and from the code."""
