# A log that logrotate knows has filled /data since it was rotated last night.
plant() {
  mkdir -p /data/log /data/orders /etc/logrotate.d /var/lib/logrotate
  touch /etc/logrotate.conf
  printf '/data/log/app.log {\n  rotate 2\n  compress\n}\n' >/etc/logrotate.d/app
  printf 'logrotate state -- version 2\n"/data/log/app.log" 2026-11-28-0:0:0\n' >/var/lib/logrotate/status
  head -c 44M /dev/zero >/data/log/app.log
  echo kept >/data/orders/table
}
after() {
  [ "$(stat -c %s /data/log/app.log)" = 0 ]
  [ "$(zcat /data/log/app.log.1.gz | wc -c)" = 46137344 ]
  [ "$(cat /data/orders/table)" = kept ]
}
