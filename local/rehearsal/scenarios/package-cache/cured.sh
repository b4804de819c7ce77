# Upgrades of a year lie in the cache.
# with: maxCacheMegabytes=2
plant() {
  mkdir -p /var/cache/apt/archives/partial /etc/apt/apt.conf.d
  for version in 1.0 1.1; do head -c 3M /dev/zero >"/var/cache/apt/archives/shop_${version}_all.deb"; done
}
after() { [ -z "$(find /var/cache/apt/archives -name '*.deb')" ]; }
