# A service got stuck in a loop that logs the same line for ever.
# with: maxMegabytesPerMinute=1
plant() {
  cat >/opt/shop <<'END'
#!/bin/bash
if [ ! -e /run/shop.flooded ]; then
  touch /run/shop.flooded
  while :; do yes 'retrying at once' | head -c 100k; sleep 0.1; done
fi
echo started well
exec sleep 600
END
  chmod 755 /opt/shop
  printf '[Service]\nExecStart=/opt/shop\n' >/etc/systemd/system/shop.service
  { yes 'retrying at once' || true; } | head -c 11M >/var/log/shop.log
  systemctl start shop.service
}
after() {
  grep -q 'its last line: .*retrying' <<<"$output_look"
  [ "$(systemctl is-active shop.service)" = active ]
  [ "$(stat -c %s /var/log/shop.log)" -lt 11000000 ]
  [ "$(zcat /var/log/shop.log.*.gz | grep -c 'retrying at once')" -gt 600000 ]
}
