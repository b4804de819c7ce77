# Spooled mails that were sent last week take all inodes of /data; the owner says that they may go.
# with: folders=/data/spool/sent
mounts() {
  mount -t tmpfs -o size=4m,nr_inodes=200,mode=755 tmpfs /data
  mkdir -p /data/spool/sent /data/spool/waiting
  (cd /data/spool/sent && seq -f 'mail-%g' 180 | xargs touch -d '9 days ago')
  touch /data/spool/sent/young
  touch -d '9 days ago' /data/spool/waiting/mail
}
after() {
  [ "$(ls /data/spool/sent)" = young ]
  [ -e /data/spool/waiting/mail ]
  grep -q '18[0-9].*/data/spool/sent' <<<"$output_find_crowded"
}
