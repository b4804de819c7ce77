# The log daemon writes what others flood it with: it is not restarted.
# with: maxMegabytesPerMinute=1
. /opt/host/lib/memory.sh
. /opt/host/lib/groups.sh
. /opt/host/lib/flood.sh
plant() {
  flood 'from somebody else'
  service rsyslog 'exec perl /opt/flood.pl'
  systemctl start rsyslog.service
  systemctl show --property=MainPID --value rsyslog.service >/run/before
}
mounts() { in_group /system.slice/rsyslog.service "$(cat /run/before)"; }
after() {
  grep -q 'rsyslog.service holds the host together: left alone' <<<"$output_restart"
  [ "$(systemctl show --property=MainPID --value rsyslog.service)" = "$(cat /run/before)" ]
}
