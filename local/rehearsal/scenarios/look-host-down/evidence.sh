# The exporter crashed an hour ago; the host itself is well.
mounts() {
  echo '800000.00 800000.00' >/run/uptime
  mount --bind /run/uptime /proc/uptime
  printf '[Service]\nExecStart=/bin/false\n' >/etc/systemd/system/node_exporter.service
  systemctl start node_exporter.service || true
}
after() {
  grep -q '^VERDICT: the host is up, and nothing listens on port 9100$' <<<"$output_look"
  ! grep -q 'the host started' <<<"$output_look"
  grep -q 'node_exporter: .*ActiveState=failed' <<<"$output_agents"
}
