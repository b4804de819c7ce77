# A script spins, and so does a service, which is not paused: the script is let go on.
# with: minCpuPercent=15 minAgeMinutes=0 maxUsedPercent=10
. /opt/host/lib/busy.sh
plant() {
  one_processor
  spin runaway
  spin shop
  sleep 0.5
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
