# One program runs 210 times, and takes more than half of a small memory.
mounts() {
  printf 'MemTotal:         400000 kB\nMemAvailable:      90000 kB\n' >/run/meminfo
  mount --bind /run/meminfo /proc/meminfo
  setsid perl -e '$0 = "crowd"; my $held = "x" x 4_000_000; for (1 .. 209) { last unless fork } sleep 600' \
    >/dev/null 2>&1 </dev/null &
  sleep 1
}
after() {
  grep -qE '^VERDICT: .*(crowd|perl) runs 210 times' <<<"$output_look"
  grep -qE '^VERDICT: (crowd|perl) holds [0-9]+ of 390 MB' <<<"$output_look"
}
