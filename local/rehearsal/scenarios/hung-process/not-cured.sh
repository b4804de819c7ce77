# A worker hangs again as soon as it is started.
# with: graceSeconds=1
plant() {
  cp /usr/bin/bash /opt/shop-worker
  cat >/etc/systemd/system/shop-worker.service <<'END'
[Service]
ExecStart=/opt/shop-worker -c 'kill -STOP $$$$; sleep 600'
END
  # As in a real unit, $$ stands for one dollar sign.
  sed -i 's/\$\$/$/g' /etc/systemd/system/shop-worker.service
  systemctl start shop-worker.service
}
after() { grep -q 'restarted shop-worker.service' <<<"$output_restart_service"; }
