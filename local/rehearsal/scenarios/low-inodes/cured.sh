# Sessions that nobody ended take all inodes of /data.
mounts() {
  mount -t tmpfs -o size=4m,nr_inodes=200 tmpfs /data
  mkdir -p /data/var/lib/php/sessions /data/tmp
  (cd /data/var/lib/php/sessions && seq -f 'sess_%g' 180 | xargs touch -d '9 days ago')
  touch /data/var/lib/php/sessions/sess_young
  touch -d '9 days ago' /data/tmp/.X0-lock
}
after() {
  [ "$(ls /data/var/lib/php/sessions)" = sess_young ]
  [ -e /data/tmp/.X0-lock ]
  grep -q '18[0-9].*/data/var/lib/php/sessions' <<<"$output_find_crowded"
}
