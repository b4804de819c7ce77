# Rotated logs of last week fill /data.
plant() {
  mkdir -p /data/log /data/orders
  for number in 1 2 3 4; do head -c 11M /dev/zero >"/data/log/app.log.$number"; done
  touch -d '9 days ago' /data/log/app.log.*
  echo kept >/data/orders/table
}
after() {
  [ ! -e /data/log/app.log.1 ]
  [ "$(cat /data/orders/table)" = kept ]
}
