"""The page's server: who may ask, over which connections, and the addresses of questions and files."""
