# The upgrade does not end when asked, and is not killed in the middle.
# with: maxLockMinutes=0 graceSeconds=1
. /opt/host/lib/packages.sh
. /opt/host/lib/groups.sh
plant() {
  half_configured
  holding_the_lock /usr/bin/bash -c 'trap "" TERM; while :; do sleep 1; done'
}
mounts() { in_group /system.slice/apt-daily-upgrade.service "$(cat /run/holder)"; }
after() {
  [ -e "/proc/$(cat /run/holder)" ]
  grep -q 'a human has to decide' <<<"$output_break_off"
  grep -q '^Status: install ok half-configured' /var/lib/dpkg/status
}
