"""What commands print: tables that fit 80 columns, progress, and JSON for programs."""
