"""The page's questions and what answers them: from a bench and what is asked to plain data. Nothing knows of HTTP."""
