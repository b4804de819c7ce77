# Somebody's script spins.
# with: minCpuPercent=15 minAgeMinutes=0 maxUsedPercent=10
plant() {
  # Of one processor, however many this machine has and whoever else is busy on it.
  printf '#!/bin/sh\necho 1\n' >/opt/host/bin/nproc
  chmod 755 /opt/host/bin/nproc
  setsid sh -c 'while :; do :; done' >/dev/null 2>&1 </dev/null &
  echo $! >/run/runaway
  sleep 1
}
after() { grep -q '^State:.T' "/proc/$(cat /run/runaway)/status"; }
