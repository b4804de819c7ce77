# A database's process is stopped: it is left to a human.
# with: process=postgres watchSeconds=1
. /opt/host/lib/memory.sh
. /opt/host/lib/groups.sh
plant() {
  service postgresql@16-main 'exec sleep 600'
  cp /usr/bin/sleep /opt/postgres
  sed -i 's|ExecStart=.*|ExecStart=/opt/postgres 600|' /etc/systemd/system/postgresql@16-main.service
  systemctl start postgresql@16-main.service
  systemctl show --property=MainPID --value postgresql@16-main.service >/run/before
  kill -STOP "$(cat /run/before)"
}
mounts() { in_group /system.slice/system-postgresql.slice/postgresql@16-main.service "$(cat /run/before)"; }
after() {
  grep -q '^State:.T' "/proc/$(cat /run/before)/status"
  grep -q '(postgres of postgresql@16-main.service) keeps data: left alone' <<<"$output_restart_service"
}
