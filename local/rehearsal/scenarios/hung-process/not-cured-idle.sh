# The worker only waits for work: it is not ended, and nothing is called fixed.
# with: watchSeconds=1
. /opt/host/lib/memory.sh
. /opt/host/lib/groups.sh
plant() {
  service shop-worker 'exec sleep 600'
  cp /usr/bin/sleep /opt/shop-worker
  sed -i 's|ExecStart=.*|ExecStart=/opt/shop-worker 600|' /etc/systemd/system/shop-worker.service
  systemctl start shop-worker.service
  systemctl show --property=MainPID --value shop-worker.service >/run/before
}
mounts() { in_group /system.slice/shop-worker.service "$(cat /run/before)"; }
after() {
  [ "$(systemctl show --property=MainPID --value shop-worker.service)" = "$(cat /run/before)" ]
  grep -q 'does not look as if it hangs: nothing was ended' <<<"$output_restart_service"
}
