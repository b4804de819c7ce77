# A host without arrays, as most are.
plant() { :; }
after() { grep -q '^VERDICT: this host has no software RAID' <<<"$output_look"; }
