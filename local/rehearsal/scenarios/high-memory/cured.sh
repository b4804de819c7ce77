# A service has leaked nearly all memory of a host of 64 MiB.
. /opt/host/lib/memory.sh
plant() {
  service shop 'if [ ! -e /run/shop.leaked ]; then
    touch /run/shop.leaked
    (head -c 60M /dev/zero; sleep 600) | tail -c 60M
  fi
  exec sleep 600'
  small_memory 64
  systemctl start shop.service
  until_used_percent 92
}
mounts() { mount --bind /run/host/meminfo /proc/meminfo; }
after() {
  [ "$(systemctl is-active shop.service)" = active ]
  grep -q 'tail$' <<<"$output_top_consumers"
}
