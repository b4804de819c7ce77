# The log that has filled /data is one of those that a pattern of logrotate's configuration means.
plant() {
  mkdir -p /data/log/app /data/orders /etc/logrotate.d /var/lib/logrotate
  printf 'weekly\nrotate 2\ninclude /etc/logrotate.d\n' >/etc/logrotate.conf
  printf '# all of the shop\n/data/log/*/*.log {\n  compress\n}\n' >/etc/logrotate.d/shop
  printf '/data/log/*.log {\n  compress\n}\n' >/etc/logrotate.d/another
  printf 'logrotate state -- version 2\n"/data/log/app/app.log" 2026-11-28-0:0:0\n' >/var/lib/logrotate/status
  head -c 44M /dev/zero >/data/log/app/app.log
  echo kept >/data/log/top.log
}
after() {
  [ "$(stat -c %s /data/log/app/app.log)" = 0 ]
  [ "$(zcat /data/log/app/app.log.1.gz | wc -c)" = 46137344 ]
  [ "$(cat /data/log/top.log)" = kept ]
}
