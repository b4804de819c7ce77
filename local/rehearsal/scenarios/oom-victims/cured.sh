# The kernel ended a service for want of memory; another one failed for a reason of its own.
. /opt/host/lib/memory.sh
plant() {
  service shop 'exec sleep 600'
  service broken 'exit 1'
  systemctl start shop.service
  kill -9 "$(systemctl show --property=MainPID --value shop.service)"
  echo oom-kill >/run/host/units/shop.result
  echo "kernel: Out of memory: Killed process 17 (shop) total-vm:1846140kB" >/var/log/kernel.log
}
after() {
  [ "$(systemctl is-active shop.service)" = active ]
  [ "$(systemctl is-active broken.service)" = failed ]
  grep -q 'Killed process 17 (shop)' <<<"$output_look"
}
