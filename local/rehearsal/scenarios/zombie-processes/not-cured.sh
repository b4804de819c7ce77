# A program never asks after its children: it is named, and goes on.
plant() {
  setsid bash -c 'for _ in 1 2 3 4 5 6 7 8; do sleep 0.2 & done; exec sleep 600' >/dev/null 2>&1 </dev/null &
  echo $! >/run/parent
  sleep 0.6
}
after() {
  grep -q '8 zombies are left' <<<"$output_reap"
  grep -q "8 left behind by $(cat /run/parent)" <<<"$output_look"
  [ -e "/proc/$(cat /run/parent)" ]
}
