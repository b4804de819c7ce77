# A worker was stopped and never continued.
# with: watchSeconds=1
. /opt/host/lib/memory.sh
. /opt/host/lib/groups.sh
plant() {
  service shop-worker 'exec sleep 600'
  cp /usr/bin/sleep /opt/shop-worker
  sed -i 's|ExecStart=.*|ExecStart=/opt/shop-worker 600|' /etc/systemd/system/shop-worker.service
  systemctl start shop-worker.service
  kill -STOP "$(systemctl show --property=MainPID --value shop-worker.service)"
}
mounts() { in_group /system.slice/shop-worker.service "$(systemctl show --property=MainPID --value shop-worker.service)"; }
after() {
  [ "$(systemctl is-active shop-worker.service)" = active ]
  grep -q 'hangs: it is stopped or dead' <<<"$output_restart_service"
}
