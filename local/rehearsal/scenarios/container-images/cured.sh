# Images of last month fill Docker's disk.
mounts() {
  mkdir -p /var/lib/docker
  mount -t tmpfs -o size=10m tmpfs /var/lib/docker
  mkdir /var/lib/docker/images
  head -c 7M /dev/zero >/var/lib/docker/images/old.unused
  head -c 2M /dev/zero >/var/lib/docker/images/shop
}
after() { [ "$(ls /var/lib/docker/images)" = shop ]; }
