"""The words in which Firstline tells people about an incident."""
