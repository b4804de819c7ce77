# There is no dpkg on this host, and who holds the lock of dnf cannot be told.
plant() { rm -rf /var/lib/dpkg; }
after() { grep -q 'cannot be told: nothing was done' <<<"$output_break_off"; }
