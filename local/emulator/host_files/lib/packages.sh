# A host whose packages dpkg looks after, as far as dpkg itself can tell.

# half_configured: a package whose installation was broken off.
half_configured() {
  mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates /var/lib/dpkg/triggers
  echo 1 >/var/lib/dpkg/info/format
  : >/var/lib/dpkg/info/shop.list
  cat >/var/lib/dpkg/status <<'END'
Package: shop
Status: install ok half-configured
Maintainer: Shop <shop@example.com>
Architecture: all
Version: 1.0
Description: a shop

END
}

# holding_the_lock PROGRAM ARGUMENTS...: a program that calls itself apt-get has dpkg's lock open.
holding_the_lock() {
  cp "$1" /opt/apt-get
  shift
  (exec 9>/var/lib/dpkg/lock-frontend; exec setsid /opt/apt-get "$@" >/dev/null 2>&1 </dev/null) &
  echo $! >/run/holder
  sleep 0.2
}
