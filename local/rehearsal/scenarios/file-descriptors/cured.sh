# A server has nearly as many files open as it may.
# with: process=sleep
plant() {
  setsid bash -c 'ulimit -Sn 64; for n in $(seq 3 58); do eval "exec $n</dev/null"; done; echo $$ >/run/hog; exec sleep 600' \
    >/dev/null 2>&1 </dev/null &
  until [ -s /run/hog ]; do sleep 0.05; done
}
after() {
  grep -q '^Max open files  *128 ' "/proc/$(cat /run/hog)/limits"
  grep -q "59 64 $(cat /run/hog) " <<<"$output_look"
}
