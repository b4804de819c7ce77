# Sessions and mails take all inodes of /data, and nobody declares them as removable.
mounts() {
  mount -t tmpfs -o size=4m,nr_inodes=200,mode=755 tmpfs /data
  mkdir -p /data/spool /data/tmp /data/var/lib/php/sessions
  (cd /data/spool && seq -f 'mail-%g' 170 | xargs touch -d '9 days ago')
  (cd /data/var/lib/php/sessions && seq -f 'sess_%g' 10 | xargs touch -d '9 days ago')
  touch -d '99 days ago' /data/tmp/old
}
after() {
  [ "$(find /data/spool /data/var -type f | wc -l)" = 180 ]
  [ -e /data/tmp/old ]
  grep -q 'a human has to decide' <<<"$output_free_inodes"
}
