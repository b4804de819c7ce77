# What was ended does not come up any more.
. /opt/host/lib/memory.sh
plant() {
  service shop 'echo "cannot read my own state"; exit 1'
  systemctl start shop.service || true
  echo oom-kill >/run/host/units/shop.result
}
after() { [ "$(systemctl is-active shop.service)" = failed ]; }
