# A script spins, and so does a service, which is not paused: the script is let go on.
# with: minCpuPercent=15 minAgeMinutes=0 maxUsedPercent=10
plant() {
  printf '#!/bin/sh\necho 1\n' >/opt/host/bin/nproc
  chmod 755 /opt/host/bin/nproc
  for name in runaway shop; do
    setsid sh -c 'while :; do :; done' >/dev/null 2>&1 </dev/null &
    echo $! >"/run/$name"
  done
  sleep 1
}
mounts() {
  echo 0::/system.slice/shop.service >/run/cgroup
  mount --bind /run/cgroup "/proc/$(cat /run/shop)/cgroup"
}
after() {
  grep -q 'belongs to shop.service, which people may need' <<<"$output_pause"
  grep -q "^paused $(cat /run/runaway) " <<<"$output_pause"
  grep -q '^State:.[RS]' "/proc/$(cat /run/runaway)/status"
  grep -q '^State:.[RS]' "/proc/$(cat /run/shop)/status"
}
