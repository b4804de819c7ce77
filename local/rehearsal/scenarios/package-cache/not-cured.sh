# Somebody keeps backups in a folder of the cache, which no package manager put there.
# with: maxCacheMegabytes=2
plant() {
  mkdir -p /var/cache/apt/archives/partial /var/cache/apt/archives/backup /etc/apt/apt.conf.d
  head -c 5M /dev/zero >/var/cache/apt/archives/backup/image
}
after() { [ "$(stat -c %s /var/cache/apt/archives/backup/image)" = 5242880 ]; }
