# Somebody stopped the service on purpose: it stays down.
. /opt/host/lib/memory.sh
plant() {
  service shop 'exec sleep 600'
  systemctl start shop.service
  systemctl stop shop.service
}
after() {
  [ "$(systemctl is-active shop.service)" = inactive ]
  grep -q 'somebody may have stopped it: nothing was started' <<<"$output_restart"
}
