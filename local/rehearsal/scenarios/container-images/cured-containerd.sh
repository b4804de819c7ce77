# Images of last month fill containerd's disk; there is no Docker.
mounts() {
  touch /run/docker.down
  mkdir -p /var/lib/containerd
  mount -t tmpfs -o size=10m tmpfs /var/lib/containerd
  mkdir /var/lib/containerd/images
  head -c 7M /dev/zero >/var/lib/containerd/images/old.unused
  head -c 2M /dev/zero >/var/lib/containerd/images/shop
}
after() { [ "$(ls /var/lib/containerd/images)" = shop ]; }
