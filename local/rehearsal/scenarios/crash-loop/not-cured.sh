# A service crashes whatever one does.
# with: pauseSeconds=1 steadySeconds=2
plant() {
  printf '#!/bin/sh\necho "panic: nil"\nexit 2\n' >/opt/shop
  chmod 755 /opt/shop
  printf '[Service]\nExecStart=/opt/shop\nRestart=always\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/shop.service
  systemctl enable shop.service
  systemctl start shop.service
  sleep 0.5
}
after() {
  # systemd goes on trying, as before.
  [ "$(systemctl show --property=NRestarts --value shop.service)" -gt 0 ]
  grep -q 'panic: nil' <<<"$output_look"
}
