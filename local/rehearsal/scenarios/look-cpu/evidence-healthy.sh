# The processors have nothing to do.
mounts() {
  printf 'cpu  1000 0 100 5000 0 0 0 0 0 0\nctxt 10\n' >/run/stat
  mount --bind /run/stat /proc/stat
  setsid bash -c 'for second in {1..600}; do
    printf "cpu  %d 0 100 %d 0 0 0 0 0 0\nctxt %d\n" $((1000 + second)) $((5000 + 99 * second)) $((100 * second)) >/run/stat
    sleep 1
  done' >/dev/null 2>&1 </dev/null &
  echo '0.10 0.10 0.10 1/80 4711' >/run/loadavg
  mount --bind /run/loadavg /proc/loadavg
}
after() { grep -q '^VERDICT: the processors have room now' <<<"$output_look"; }
