# An upgrade waits for ever for an answer that nobody gives.
# with: maxLockMinutes=0 graceSeconds=2
. /opt/host/lib/packages.sh
. /opt/host/lib/groups.sh
plant() {
  half_configured
  holding_the_lock /usr/bin/sleep 600
}
mounts() { in_group /system.slice/apt-daily-upgrade.service "$(cat /run/holder)"; }
after() {
  [ ! -e "/proc/$(cat /run/holder)" ]
  grep -q '^Status: install ok installed' /var/lib/dpkg/status
  grep -q 'half-configured shop' <<<"$output_look"
}
