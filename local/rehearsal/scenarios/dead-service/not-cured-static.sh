# The label names a static unit of systemd, which `is-enabled` calls enabled and which ends the host.
# with: service=systemd-exit
plant() { printf '[Service]\nExecStart=/bin/touch /run/host-has-ended\n' >/etc/systemd/system/systemd-exit.service; }
after() {
  [ ! -e /run/host-has-ended ]
  grep -q 'systemd-exit.service holds the host together: left alone' <<<"$output_restart"
}
