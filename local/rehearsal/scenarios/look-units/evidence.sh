# The backup failed; the shop, which the alert names, runs.
# with: unit=shop.service
plant() {
  printf '[Service]\nExecStart=/bin/sleep 600\n' >/etc/systemd/system/shop.service
  printf '[Service]\nExecStart=/bin/sh -c "echo no space left on the target; exit 1"\n' >/etc/systemd/system/backup.service
  systemctl start shop.service
  systemctl start backup.service || true
}
after() {
  grep -q 'ActiveState=active' <<<"$output_look"
  grep -q '^VERDICT: shop.service is active; failed: backup.service$' <<<"$output_look"
  grep -q 'no space left on the target' <<<"$output_logs"
}
