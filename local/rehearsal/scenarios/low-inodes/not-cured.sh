# A queue of mails takes all inodes of /data.
mounts() {
  mount -t tmpfs -o size=4m,nr_inodes=200 tmpfs /data
  mkdir -p /data/spool /data/tmp
  (cd /data/spool && seq -f 'mail-%g' 180 | xargs touch -d '9 days ago')
  touch /data/tmp/in-use
}
after() {
  [ "$(find /data/spool -type f | wc -l)" = 180 ]
  [ -e /data/tmp/in-use ]
}
