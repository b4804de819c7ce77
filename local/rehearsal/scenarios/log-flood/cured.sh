# A service got stuck in a loop that logs the same line for ever.
# with: maxMegabytesPerMinute=1
. /opt/host/lib/memory.sh
. /opt/host/lib/groups.sh
. /opt/host/lib/flood.sh
plant() {
  flood 'retrying at once'
  service shop 'if [ ! -e /run/shop.flooded ]; then
    touch /run/shop.flooded
    exec perl /opt/flood.pl
  fi
  echo started well
  exec sleep 600'
  systemctl start shop.service
}
mounts() { in_group /system.slice/shop.service "$(systemctl show --property=MainPID --value shop.service)"; }
after() {
  grep -q 'its last line: .*retrying' <<<"$output_look"
  grep -q 'restarted shop.service, which wrote' <<<"$output_restart"
  [ "$(systemctl is-active shop.service)" = active ]
  [ "$(grep -c 'retrying at once' /var/log/shop.log)" -gt 1000 ]
}
