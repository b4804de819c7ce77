# Somebody's script spins in a login that was left open; after a while it goes on by itself.
# with: minCpuPercent=10 minAgeMinutes=0 maxUsedPercent=10 pauseSeconds=5
. /opt/host/lib/busy.sh
. /opt/host/lib/groups.sh
plant() {
  one_processor
  spin runaway
  sleep 0.5
}
mounts() { in_group /user.slice/user-1000.slice/session-3.scope "$(cat /run/runaway)"; }
after() {
  grep -q "^paused $(cat /run/runaway) " <<<"$output_pause"
  for _ in $(seq 80); do
    if grep -q '^State:.[RS]' "/proc/$(cat /run/runaway)/status"; then return 0; fi
    sleep 0.1
  done
  return 1
}
