"""Words, grammar and documents of the example corpus and questions."""
