# The disk has little to do.
mounts() {
  : >/run/diskstats
  mount --bind /run/diskstats /proc/diskstats
  setsid bash -c 'for second in {1..600}; do
    printf "259 0 nvme0n1 %d 0 9 %d 9 0 9 9 0 %d 9\n" $((30 * second)) $((30 * second)) $((20 * second)) >/run/diskstats
    sleep 1
  done' >/dev/null 2>&1 </dev/null &
  sleep 0.3
}
after() {
  grep -q '^VERDICT: no disk is slow or saturated now' <<<"$output_look"
  grep -q "says nothing about slow or broken disks" <<<"$output_kernel_log"
}
