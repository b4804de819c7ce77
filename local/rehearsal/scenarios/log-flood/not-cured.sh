# A service floods its log in every life.
# with: maxMegabytesPerMinute=1
plant() {
  printf '#!/bin/bash\necho started\nwhile :; do yes "no disk" | head -c 100k; sleep 0.1; done\n' >/opt/shop
  chmod 755 /opt/shop
  printf '[Service]\nExecStart=/opt/shop\n' >/etc/systemd/system/shop.service
  systemctl start shop.service
}
after() { [ "$(systemctl is-active shop.service)" = active ]; }
