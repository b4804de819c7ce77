# A service was killed and nothing brought it back.
. /opt/host/lib/memory.sh
plant() {
  service shop 'echo open for business; exec sleep 600'
  systemctl start shop.service
  kill -9 "$(systemctl show --property=MainPID --value shop.service)"
}
after() {
  [ "$(systemctl is-active shop.service)" = active ]
  grep -q 'open for business' <<<"$output_look"
}
