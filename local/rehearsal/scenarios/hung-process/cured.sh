# A worker was stopped and never continued.
# with: graceSeconds=1
plant() {
  cp /usr/bin/sleep /opt/shop-worker
  printf '[Service]\nExecStart=/opt/shop-worker 600\n' >/etc/systemd/system/shop-worker.service
  systemctl start shop-worker.service
  kill -STOP "$(systemctl show --property=MainPID --value shop-worker.service)"
}
after() {
  [ "$(systemctl is-active shop-worker.service)" = active ]
  grep -q 'did not end by itself' <<<"$output_terminate"
}
