# Every image on Docker's full disk is in use.
mounts() {
  mkdir -p /var/lib/docker
  mount -t tmpfs -o size=10m tmpfs /var/lib/docker
  mkdir /var/lib/docker/images
  head -c 9M /dev/zero >/var/lib/docker/images/shop
}
after() {
  [ "$(stat -c %s /var/lib/docker/images/shop)" = 9437184 ]
  grep -q 'nothing was done$' <<<"$output_prune"
}
