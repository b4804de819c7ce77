# The program that never asks after its children is the container engine.
plant() {
  cp /usr/bin/sleep /opt/dockerd
  setsid bash -c 'for _ in 1 2 3 4 5 6 7 8; do sleep 0.2 & done; exec /opt/dockerd 600' >/dev/null 2>&1 </dev/null &
  echo $! >/run/parent
  sleep 0.6
}
after() {
  grep -q 'holds the host together: it is not ended' <<<"$output_reap"
  [ -e "/proc/$(cat /run/parent)" ]
}
