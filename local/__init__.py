"""The same template on one machine: for `make demo`, for development and for end-to-end tests."""
