"""Answers from retrieved documents: the record that metrics read, and the small retriever that fills it."""
