# Somebody's script spins.
# with: minCpuPercent=15 minAgeMinutes=0 maxUsedPercent=10
. /opt/host/lib/busy.sh
plant() {
  one_processor
  spin runaway
  sleep 0.5
}
after() { grep -q '^State:.T' "/proc/$(cat /run/runaway)/status"; }
