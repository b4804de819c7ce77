# A log that logrotate knows has filled /data since it was rotated last night. How many copies it keeps is said for all
# logs together, and the one that is called like it with more behind is another's.
plant() {
  mkdir -p /data/log /data/orders /etc/logrotate.d /var/lib/logrotate
  printf 'weekly\nrotate 2\ninclude /etc/logrotate.d\n' >/etc/logrotate.conf
  printf '/data/log/app.log {\n  compress\n}\n' >/etc/logrotate.d/app
  printf '/data/log/app.log.audit {\n  compress\n}\n' >/etc/logrotate.d/a-audit
  echo evidence >/data/log/app.log.audit
  printf 'logrotate state -- version 2\n"/data/log/app.log" 2026-11-28-0:0:0\n' >/var/lib/logrotate/status
  head -c 44M /dev/zero >/data/log/app.log
  echo kept >/data/orders/table
}
after() {
  [ "$(stat -c %s /data/log/app.log)" = 0 ]
  [ "$(zcat /data/log/app.log.1.gz | wc -c)" = 46137344 ]
  [ "$(cat /data/orders/table)" = kept ]
  [ "$(cat /data/log/app.log.audit)" = evidence ]
}
