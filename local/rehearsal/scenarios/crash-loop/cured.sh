# A child of a service's first life holds its lock, so that every later life crashes.
# with: pauseSeconds=1 steadySeconds=2
plant() {
  cat >/opt/shop <<'END'
#!/bin/bash
if [ ! -e /run/shop.began ]; then
  touch /run/shop.began
  (exec 9>/run/shop.lock; flock 9; exec sleep 600) &
  sleep 0.1
  exit 1
fi
exec 9>/run/shop.lock
flock -n 9 || { echo "the lock is held by somebody else"; exit 1; }
exec sleep 600
END
  chmod 755 /opt/shop
  printf '[Service]\nExecStart=/opt/shop\nRestart=always\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/shop.service
  systemctl enable shop.service
  systemctl start shop.service
  sleep 0.6
}
after() {
  [ "$(systemctl is-active shop.service)" = active ]
  grep -q 'the lock is held by somebody else' <<<"$output_look"
}
