# A worker hangs again as soon as it is started.
# with: watchSeconds=1
. /opt/host/lib/memory.sh
. /opt/host/lib/groups.sh
plant() {
  service shop-worker 'exec sleep 600'
  cp /usr/bin/bash /opt/shop-worker
  printf 'kill -STOP $$\nsleep 600\n' >/opt/worker.sh
  sed -i 's|ExecStart=.*|ExecStart=/opt/shop-worker /opt/worker.sh|' /etc/systemd/system/shop-worker.service
  systemctl start shop-worker.service
}
mounts() { in_group /system.slice/shop-worker.service "$(systemctl show --property=MainPID --value shop-worker.service)"; }
after() { grep -q 'restarted shop-worker.service' <<<"$output_restart_service"; }
