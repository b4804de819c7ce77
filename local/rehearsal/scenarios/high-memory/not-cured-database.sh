# The memory is a database's, which is not restarted.
# with: service=redis-server
. /opt/host/lib/memory.sh
plant() {
  service redis-server '(head -c 60M /dev/zero; sleep 600) | tail -c 60M'
  small_memory 64
  systemctl start redis-server.service
  until_used_percent 92
  systemctl show --property=MainPID --value redis-server.service >/run/before
}
mounts() { mount --bind /run/host/meminfo /proc/meminfo; }
after() {
  [ "$(systemctl show --property=MainPID --value redis-server.service)" = "$(cat /run/before)" ]
  grep -q 'redis-server.service keeps data: left alone' <<<"$output_restart_service"
}
