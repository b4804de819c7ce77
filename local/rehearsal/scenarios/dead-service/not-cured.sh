# A service cannot start: its configuration is broken.
. /opt/host/lib/memory.sh
plant() {
  service shop 'echo "line 3: no such option"; exit 1'
  systemctl start shop.service || true
}
after() { [ "$(systemctl is-active shop.service)" = failed ]; }
