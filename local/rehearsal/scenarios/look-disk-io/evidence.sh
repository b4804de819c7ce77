# One disk works all the time, and each operation takes 200 ms; the other has little to do.
mounts() {
  : >/run/diskstats
  mount --bind /run/diskstats /proc/diskstats
  setsid bash -c 'for second in {1..600}; do
    printf "259 0 nvme0n1 %d 0 9 %d %d 0 9 %d 32 %d 9\n259 1 nvme1n1 %d 0 9 9 9 0 9 9 0 %d 9\n" \
      $((100 * second)) $((20000 * second)) $((50 * second)) $((10000 * second)) $((1000 * second)) \
      $((3 * second)) $((2 * second)) >/run/diskstats
    sleep 1
  done' >/dev/null 2>&1 </dev/null &
  sleep 0.3
  echo 'kernel: nvme nvme0: I/O 17 QID 2 timeout, aborting' >/var/log/kernel.log
}
after() {
  grep -q '^VERDICT: nvme0n1 is saturated' <<<"$output_look"
  grep -qE '^nvme0n1: busy [0-9]+ %, .* 200 ms each, 32 in progress' <<<"$output_look"
  grep -q 'timeout, aborting' <<<"$output_kernel_log"
}
