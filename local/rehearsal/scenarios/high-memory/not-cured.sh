# The memory is taken by somebody else than the service that the alert names: it is not restarted.
. /opt/host/lib/memory.sh
plant() {
  service shop 'echo started; exec sleep 600'
  small_memory 64
  systemctl start shop.service
  setsid sh -c '(head -c 60M /dev/zero; sleep 600) | tail -c 60M' >/dev/null 2>&1 </dev/null &
  until_used_percent 92
}
mounts() { mount --bind /run/host/meminfo /proc/meminfo; }
after() {
  until_used_percent 92
  [ "$(journalctl --unit=shop.service | grep -c started)" = 1 ]
  grep -q 'it is not to blame, nothing was restarted' <<<"$output_restart_service"
}
