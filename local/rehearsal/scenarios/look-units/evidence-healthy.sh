# No unit failed.
# with: unit=none
plant() {
  printf '[Service]\nExecStart=/bin/sleep 600\n' >/etc/systemd/system/shop.service
  systemctl start shop.service
}
after() {
  grep -q '^VERDICT: no unit failed$' <<<"$output_look"
  grep -q 'no unit failed, so no log is shown' <<<"$output_logs"
}
