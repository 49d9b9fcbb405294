"""The suite that pages are looked at with: six tasks, four scripted models, failures of every kind; and pictures."""
