# Another machine takes three quarters of the processor, and one process spins.
mounts() {
  awk '/^cpu / { print "cpu  1000 0 100 5000 0 0 0 0 0 0" } /^ctxt / { print }' /proc/stat >/run/stat
  mount --bind /run/stat /proc/stat
  # Its counters grow from second to second, most of them the stolen time.
  setsid bash -c 'for second in {1..600}; do
    printf "cpu  %d 0 100 %d 0 0 0 %d 0 0\nctxt %d\n" $((1000 + 20 * second)) $((5000 + 5 * second)) $((75 * second)) $((9000 * second)) >/run/stat
    sleep 1
  done' >/dev/null 2>&1 </dev/null &
  setsid perl -e '$0 = "spinner"; 1 while 1' >/dev/null 2>&1 </dev/null &
}
after() {
  grep -q '^VERDICT: another machine takes the processors: 7[0-9] % is stolen' <<<"$output_look"
  grep -qE '% (spinner|perl) \(process' <<<"$output_processes"
}
