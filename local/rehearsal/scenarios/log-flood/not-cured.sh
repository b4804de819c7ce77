# A service floods its log in every life.
# with: maxMegabytesPerMinute=1
. /opt/host/lib/memory.sh
. /opt/host/lib/groups.sh
. /opt/host/lib/flood.sh
plant() {
  flood 'no disk'
  service shop 'exec perl /opt/flood.pl'
  systemctl start shop.service
}
mounts() { in_group /system.slice/shop.service "$(systemctl show --property=MainPID --value shop.service)"; }
after() {
  [ "$(systemctl is-active shop.service)" = active ]
  grep -q 'restarted shop.service' <<<"$output_restart"
}
