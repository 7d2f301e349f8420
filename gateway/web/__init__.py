"""The doors: data listener for apps and Meta, admin listener for operators."""
