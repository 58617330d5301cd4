"""How weights come into models: files, loads, copies, and what they are loaded into."""
