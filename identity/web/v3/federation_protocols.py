"""Federation protocols."""
